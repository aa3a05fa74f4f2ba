"""PO numbers: their keys, formats, series and check characters."""
