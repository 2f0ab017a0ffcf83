"""What a command adds to a template: parameters, variables, region and account, layers, code.

`cli/` makes it from options and the shell; the readers in this folder use it. Nothing is read from disk here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from local_lambda.functions.config import ACCOUNT_ID, REGION, partition

_NOTHING: Mapping[str, Any] = MappingProxyType({})

SHELLS_OWN = frozenset(
    """
    COLORTERM DISPLAY EDITOR HISTFILE HOME HOSTNAME HOSTTYPE LANG LANGUAGE LD_LIBRARY_PATH LOGNAME LS_COLORS MAIL
    MANPATH OLDPWD PAGER PATH PWD PYTHONHOME PYTHONPATH SHELL SHLVL TEMP TERM TMP TMPDIR TZ USER VIRTUAL_ENV VISUAL
    """.split()
)
"""Variables that nearly every shell sets for itself, and that therefore never replace a template's value."""


class Given(NamedTuple):
    """What a command adds to a template.

    `shell` has the shell's environment variables, `parameters` the template's parameters by name. `variables` has
    environment variables by the logical id or name of a function; those of all functions are listed under `""`.
    `layers` has the zip or folder of a layer by its ARN, `code` what replaces the code of every function.
    `values` has what `!Ref` (`Table`) and `!GetAtt` (`Table.Arn`) of resources are, where they exist, and
    `dynamic` resolves a reference such as `{{resolve:ssm:/name}}`; it raises UsageError.
    """

    shell: Mapping[str, str] = _NOTHING
    parameters: Mapping[str, str] = _NOTHING
    variables: Mapping[str, Mapping[str, str]] = _NOTHING
    region: str = REGION
    account: str = ACCOUNT_ID
    layers: Mapping[str, Path] = _NOTHING
    code: Path | None = None
    values: Mapping[str, Any] = _NOTHING
    dynamic: Callable[[str], str] | None = None
    deploy: Callable[[Mapping[str, Any], str, Callable[[], Any]], Mapping[str, Any]] | None = None
    """Takes a template's resources, the name of its stack and a function that returns its `Scope`; makes the resources
    on the local AWS endpoint and returns `values`."""

    def variables_of(self, *names: str) -> dict[str, str]:
        """The variables given for all functions, and over them those for the function with these names."""
        found: dict[str, str] = {}
        for name in ("", *names):
            found.update(self.variables.get(name, {}))
        return found

    def from_shell(self, name: str) -> str | None:
        """The shell's value of a variable that a template names. None if it has none, or if every shell has one."""
        return None if name in SHELLS_OWN or name.startswith(("LC_", "XDG_", "SSH_")) else self.shell.get(name)

    @property
    def partition(self) -> str:
        """The partition of the region, as in ARNs."""
        return partition(self.region)
