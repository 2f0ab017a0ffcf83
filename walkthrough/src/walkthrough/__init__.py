"""READMEs that run: checks their commands, transcripts, changes, excerpts, links and pictures against a run.

`python -m walkthrough [README]` rewrites the transcripts. `parse.py` defines what a README may contain.
"""
