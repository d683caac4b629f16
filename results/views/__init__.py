"""What a run shows, as plain data: Plotly figures in dicts and small dataclasses.

Pure functions of a ``Snapshot``; the report and the dashboard draw the same ones.
"""
