"""Schemathesis over `/openapi.json`: how it is told to run, and the run itself."""
