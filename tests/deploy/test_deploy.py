"""The alert rules and the dashboard name only what a running service exposes, and lead to places that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.promql import Named, named
from tests.e2e.rig import Rig
from tests.e2e.webhooks import opened

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/alerts.yml"
DASHBOARD = ROOT / "deploy/grafana/caep-bridge.json"
DURATION = re.compile(r"(\d+(ms|[smhdwy]))+\Z")
FROM_PROMETHEUS = {"job", "instance"}

Exposed = dict[str, dict[str, set[str]]]
"""metric → label → the values it has"""


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    yield from ((rule["alert"], rule["expr"]) for rule in rules())
    for panel in panels():
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exposed(tmp_path_factory: pytest.TempPathFactory) -> Exposed:
    """/metrics of a real serve after one webhook went all the way, as Prometheus reads it."""
    channel = {"kind": "slack", "url": "http://127.0.0.1:9/hush"}
    async with Rig(tmp_path_factory.mktemp("deploy"), {"okta": {"profile": "okta"}}) as rig:
        rig.service.channels.append(channel)
        rig.api.add(1, owner=1).issues = {1: False}
        await rig.start()
        await rig.ring(opened(1, 1))
        await rig.hears("okta", "not-compliant")
        await rig.quiet()
        async with aiohttp.ClientSession() as session, session.get(f"{rig.service.admin}/metrics") as answer:
            text = await answer.text()
    found: Exposed = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    return found


def wrong(found: Named, exposed: Exposed) -> Iterator[str]:
    for metric, matchers in found.matchers.items():
        if metric not in exposed:
            yield f"no metric {metric}"
            continue
        for label, operator, text in matchers:
            if label not in exposed[metric]:
                yield f"{metric} has no label {label}"
            elif operator in ("=", "=~") and not text.startswith("$"):
                yield from (
                    f"{metric}: {label} is never {word}"
                    for word in text.split("|" if operator == "=~" else "\n")
                    if word not in exposed[metric][label]
                )
    known = {label for metric in found.matchers for label in exposed.get(metric, {})}
    yield from (f"nothing has the label {label}" for label in found.labels - known - FROM_PROMETHEUS)


async def test_every_name_in_every_expression_is_exposed(exposed: Exposed) -> None:
    faults = {(title, expr): found for title, expr in expressions() if (found := list(wrong(named(expr), exposed)))}
    assert faults == {}


async def test_this_test_sees_what_it_should(exposed: Exposed) -> None:
    def faults(expression: str) -> list[str]:
        return list(wrong(named(expression), exposed))

    assert faults("caep_bridge_nothing") == ["no metric caep_bridge_nothing"]
    assert faults('caep_bridge_drift_total{stream="x"}') == ["caep_bridge_drift_total has no label stream"]
    assert faults('caep_bridge_held_changes{why="guard|x"}') == ["caep_bridge_held_changes: why is never guard|x"]
    assert faults("sum by (stream) (caep_bridge_drift_total)") == ["nothing has the label stream"]
    assert faults("caep_bridge_drift") == ["no metric caep_bridge_drift"]  # a counter is exposed with _total


async def test_every_metric_of_ours_has_a_panel_or_a_reason(exposed: Exposed) -> None:
    ours = {re.sub(r"_(bucket|count|sum|created)$", "", name) for name in exposed if name.startswith("caep_bridge_")}
    ours = {name for name in ours if f"{name}_total" not in exposed}  # what is left of …_created
    shown = {re.sub(r"_bucket$", "", name) for _, expr in expressions() for name in named(expr).matchers}
    assert ours - shown == set()


def test_the_rules_are_built_as_prometheus_wants_them() -> None:
    document = yaml.safe_load(RULES.read_text())
    assert set(document) == {"groups"}
    for group in document["groups"]:
        assert set(group) <= {"name", "interval", "rules"} and group["rules"]
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}, rule
        assert re.fullmatch(r"CaepBridge[A-Za-z]+", rule["alert"]) and rule["expr"].strip()
        assert "for" not in rule or DURATION.match(rule["for"]), rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}
        assert all(isinstance(text, str) for text in rule["annotations"].values())


def test_templates_use_labels_that_the_expression_leaves() -> None:
    """`$labels.x` of a label that was summed away is an empty text."""
    for rule in rules():
        used = set(re.findall(r"\$labels\.(\w+)", "".join(rule["annotations"].values())))
        grouped = named(rule["expr"]).labels - {"outcome"}
        summed = named(rule["expr"]).functions & {"sum", "max"}
        assert used <= (grouped if summed else {"connector", "stream", "target"}), rule["alert"]


def test_every_runbook_is_a_place_in_the_manual() -> None:
    manual = (ROOT / "docs/operating.md").read_text()
    for rule in rules():
        file, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert file == "docs/operating.md" and manual.count(f'<a id="{anchor}"></a>') == 1, rule["alert"]
        (line,) = [line for line in manual.splitlines() if f'<a id="{anchor}"></a>' in line]
        assert rule["alert"] in line, f"{rule['alert']} is not named at its place"


def test_the_manual_names_no_alarm_that_is_not() -> None:
    manual = (ROOT / "docs/operating.md").read_text()
    assert set(re.findall(r"CaepBridge\w+", manual)) == {rule["alert"] for rule in rules()}


def test_the_dashboard_can_be_imported() -> None:
    document = json.loads(DASHBOARD.read_text())
    assert document["id"] is None and document["uid"] == "caep-bridge" and document["schemaVersion"] >= 36
    ids = [panel["id"] for panel in document["panels"]]
    assert len(ids) == len(set(ids))
    variables = {one["name"] for one in document["templating"]["list"]}
    for panel in panels():
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        used = {name for target in panel["targets"] for name in re.findall(r"\$(\w+)", target["expr"])}
        assert used <= variables | {"__rate_interval"}, panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_no_panel_lies_on_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells


async def test_the_variables_of_the_dashboard_are_filled(exposed: Exposed) -> None:
    for variable in json.loads(DASHBOARD.read_text())["templating"]["list"]:
        if variable["type"] == "query":
            match = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"])
            assert match and exposed[match[1]][match[2]]
