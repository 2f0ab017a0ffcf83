"""The Python runtimes that AWS has deprecated: it no longer patches them, and later refuses to create or update them.

Only dates in the past are here, because AWS moves those in the future. Sources: the table of deprecated runtimes at
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html, read in November 2026; for python3.10, AWS's notice
as quoted in https://github.com/aws-ia/terraform-aws-eks-blueprints/issues/2193. Next is python3.11, on 30 June 2027.
"""

from __future__ import annotations

DEPRECATED = {
    "python3.6": "18 July 2022",
    "python3.7": "4 December 2023",
    "python3.8": "14 October 2024",
    "python3.9": "15 December 2025",
    "python3.10": "31 October 2026",
}
"""The date of deprecation of each runtime. python2.7 (15 July 2021) and older ones cannot be named here at all."""
