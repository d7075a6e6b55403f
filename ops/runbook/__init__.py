"""Notebooks as things that run: catalogue, parameters, records, headless execution, reports."""
