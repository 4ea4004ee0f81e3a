"""Reports: evidence, card, plots and one offline HTML file.

`evidence.Evidence` is what they are made from; `html.render` and `card.card` write them.
"""
