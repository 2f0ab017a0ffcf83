"""How the project's English reads: a small style for proselint, over Markdown and what the tool prints.

`python -m prose`, in `tests`, prints each place with what to write there. The style is in `style.py`.
"""
