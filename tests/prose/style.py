"""The style: habits that make English read like a translation, and terms of which there is one each.

Each entry is a pattern and what to write in its place. Patterns are regular expressions of RE2, in lower case.
"""

from __future__ import annotations

import re

from proselint.registry.checks import Check
from proselint.registry.checks.types import PreferredForms

HABITS = {
    r"(?:is|are|was|were) (?:no|none)(?: [a-z]+)?": "“is not a …”, “there is not …”, or “invalid …”",
    r"that is none": "“that is not one”",
    r"(?:nobody|somebody)(?:'s)?": "the passive, or who it really is",
    r"whoever": "“anyone who”, or “if you”",
    r"for who": "“if you”, “for anyone who”",
    r"of (?:its|their|his|your|our) own": "“its own …”, “a separate …”, or nothing",
    r"beside": "“next to”, “alongside”, “as well as”",
    r"(?:go|goes|going|went|gone) on": "“continue”, “keep …ing”",
    r"(?:is|are|was|were|be) told": "“is notified”, “gets a message”",
    r"told from": "“distinguished from”",
    r"tells of": "“reports”",
    r"(?:is|are) said(?: (?:so|in|by|once|aloud))?": "“a message says”, “is reported”",
    r"by itself": "“automatically”",
    r"all the same": "“still”, “anyway”",
    r"as ever": "“as usual”",
    r"in the end": "“at the end”, “finally”",
    r"(?:take|takes|taken|took) back": "“undo”, “unset”",
    r"(?:make|makes|made) anew": "“recreate”",
    r"anew": "“again”, “from scratch”",
    r"once more": "“again”",
    r"(?:package|line|word) more": "“one more …”",
    r"behind (?:it|them|each|--)": "“after”",
    r"besides": "“as well”, “also”",
    r"there (?:it|the|they) (?:is|are|stands?)": "subject first",
    r"not here": "“not supported”, “not included”",
    r"has to be lambda": "“plays Lambda's part”",
    r"everybody": "“everyone”, “anyone”",
    r"(?:on|under) (?:its|their) way": "“in progress”, “in flight”",
    r"to be had": "“available”",
    r"had better": "“should”, “must”",
    r"shall": "“should”, “must”",
    r"through with": "“has finished”",
    r"not (?:[a-z]+ ){0,3}any more": "“no longer”",
    r"for good": "“permanently”",
    r"as asked for": "“as requested”",
    r"takes? no more": "“stops accepting”",
    r"of (?:ours|theirs)": "“our …”, “their …”",
    r"some (?:moments|seconds|minutes|milliseconds)": "“a few …”",
    r"right (?:answers?|responses?)": "“correct response”",
    r"in one another": "“nested”",
    r"another (?:[a-z]+ )?than": "“a different … from”",
    r"(?:something|anything|nothing) else than": "“something other than”",
    r"(?:does|do|did) without": "“does not need”, “is not used”",
    r"not known here": "“this module does not know”",
    r"(?:all|everything|what) there is": "“everything”",
    r"come to a good end": "“complete”",
    r"goes? by": "“is called”, “uses”",
}
"""Habits, and the natural form."""

ALLOWED = re.compile(
    r"there (?:is|are|was|were) (?:no|none)|(?:is|are|was|were) no (?:longer|faster|later)|reply queue|direct repl"
    r"|(?-i:is None\b)",
    re.IGNORECASE,
)
"""What looks like a habit and is not: the match ends in, or begins, one of these."""

TERMS = {
    r"(?:the|an|its|this|that|each|every|no|first|last|caller's) answers?": "response",
    r"repl(?:y|ies)": "response",
    r"stderr": "standard error",
    r"stdout": "standard output",
    r"bundles?": "package",
    r"the bars?": "target",
    r"execution environments? of (?:its|their) own": "its own execution environment",
    r"keys that open nothing": "dummy credentials",
    r"credentials that open nothing": "dummy credentials",
    r"agents?": "extension",
}
"""Terms, and the one to use."""

CHECKS = (
    Check(PreferredForms(HABITS), path="habits", message="not “{1}” but {0}"),
    Check(PreferredForms(TERMS), path="terms", message="the term is {0}, not “{1}”"),
)
