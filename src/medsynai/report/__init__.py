"""Reports: evidence, card, plots and one offline HTML file."""
