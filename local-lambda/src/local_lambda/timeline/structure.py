"""What a picture shows, without times and positions: two runs of the same commands have the same structure."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

Structure = list[dict[str, Any]]


def structure(svg: str) -> Structure:
    """For each environment: phases in order, lanes in order with the kinds of their spans and marks, subsegments."""
    found: Structure = []
    for environment in ElementTree.fromstring(svg).iter():
        if "data-environment" not in environment.attrib:
            continue
        lanes: dict[str, dict[str, set[str]]] = {}
        for lane in environment.iter():
            if "data-lane" in lane.attrib:
                kinds = lanes.setdefault(lane.attrib["data-lane"], {"spans": set(), "marks": set()})
                kinds["spans"] |= _values(lane, "data-span")
                kinds["marks"] |= _values(lane, "data-mark")
        phases = [part.attrib["data-phase"] for part in environment.iter() if "data-phase" in part.attrib]
        found.append(
            {
                "phases": phases,
                "lanes": [
                    {"name": name, **{key: sorted(kinds[key]) for key in kinds}} for name, kinds in lanes.items()
                ],
                "subsegments": sorted(_values(environment, "data-subsegment")),
            }
        )
    return found


def _values(parent: ElementTree.Element, name: str) -> set[str]:
    return {part.attrib[name] for part in parent.iter() if name in part.attrib}
