"""Networks: row-independent, layer norms only, so that each row has a gradient of its own."""
