"""READMEs that run: their commands, transcripts, changes, excerpts, links and pictures, checked against a run.

`python -m walkthrough [README]` writes the transcripts anew. What a README may say is in parse.py.
"""
