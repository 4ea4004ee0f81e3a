"""Copulas: columns as cells, their normal scores, and what ties these, whole or group by group."""
