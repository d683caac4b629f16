"""The live page of a run or of a folder of runs (Dash). Reads; never writes or locks."""
