"""Imports and exports: orders in and out as X12, CSV and Amazon's JSON."""
