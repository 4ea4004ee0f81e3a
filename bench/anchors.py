"""What the anchors scored under the same judge, as recorded beside it."""

# What the anchors scored under the same judge, on one core, with their defaults, one fit a cell:
# fit CPU s, 100k-row sampling CPU s, pairwise TVD to train, C2ST, TSTR, membership AUC.
ANCHORS: dict[str, list[tuple[str, str, str, str, str, str, str]]] = {
    "flchain": [
        ("R synthpop 1.9", "2.9", "12.1", ".047", ".605", ".772", ".594"),
        ("MOSTLY AI TabularARGN 2.7", "30.2", "3.5", ".081", ".761", ".814", ".518"),
        ("arfpy 0.1.1", "18.8", "19.5", ".092", ".997", ".803", ".532"),
        ("SDV 2.0 GaussianCopula", "0.7", "1.3", ".171", ".977", ".765", ".507"),
        ("SDV TVAE", "22.5", "0.5", ".178", ".903", ".790", ".509"),
        ("SDV CTGAN", "98.5", "1.4", ".218", ".953", ".786", ".505"),
    ],
    "support2": [
        ("R synthpop 1.9", "20.5", "cut", ".062", ".811", ".868", ".531"),
        ("MOSTLY AI TabularARGN 2.7", "80.2", "29.1", ".118", "1.000", ".822", ".502"),
        ("SDV 2.0 GaussianCopula", "3.5", "7.8", ".206", "1.000", ".800", ".506"),
        ("SDV TVAE", "78.8", "3.8", ".259", "1.000", ".840", ".503"),
        ("arfpy 0.1.1", "163.6", "cut", ".282", "1.000", ".851", ".515"),
    ],
    "diabetes130": [
        ("MOSTLY AI TabularARGN, stopped at 4 min", "131", "-", ".027", ".695", ".686", ".499"),
        ("SDV 2.0 GaussianCopula", "28.2", "7.8", ".139", ".998", ".613", ".499"),
    ],
    "breast_cancer": [
        ("R synthpop 1.9", "2.3", "11.6", ".272", ".803", ".971", ".621"),
        ("arfpy 0.1.1", "4.7", "18.7", ".311", ".917", ".975", ".558"),
        ("SDV 2.0 GaussianCopula", "1.0", "5.3", ".334", ".871", ".928", ".526"),
        ("MOSTLY AI TabularARGN 2.7", "5.9", "24.6", ".377", "1.000", ".549", ".504"),
    ],
    "gbsg2": [
        ("R synthpop 1.9", "2.1", "8.0", ".140", ".617", ".639", ".560"),
        ("python-synthpop", "0.1", "1.0", ".159", ".659", ".650", ".562"),
        ("arfpy 0.1.1", "1.4", "13.4", ".180", ".970", ".637", ".531"),
        ("MOSTLY AI TabularARGN 2.7", "3.5", "3.7", ".187", ".810", ".554", ".487"),
        ("SDV CTGAN", "11.2", "1.0", ".292", ".909", ".538", ".498"),
    ],
}

# The same of models under a budget, by set and epsilon, delta 1e-5, one noise seed: fits, fit
# CPU s, pairwise TVD to train, C2ST, TSTR, membership AUC.
PRIVATE_ANCHORS: dict[tuple[str, float], list[tuple[str, str, str, str, str, str, str]]] = {
    ("flchain", 1.0): [
        ("MST on mbi 2.0, 20 bins", "1", "7.9", ".088", ".866", ".773", ".508"),
        ("MST on mbi 2.0, 17 bins", "1", "8.8", ".086", ".872", ".805", ".507"),
    ],
    ("flchain", 10.0): [
        ("MST on mbi 2.0, 20 bins", "1", "8.3", ".052", ".806", ".808", ".514"),
        ("MST on mbi 2.0, 17 bins", "1", "9.2", ".057", ".805", ".807", ".513"),
    ],
}
