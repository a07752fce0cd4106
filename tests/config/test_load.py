"""What is accepted, what is refused, and where the fault is said to be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from bridge.config import Loaded, Secret, load, no_effect, read
from bridge.errors import ConfigError, Fault

BASE = '[transmitter]\nissuer = "https://signals.acme.example"\n'
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"


def loaded(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> Loaded:
    file = tmp_path / "config.toml"
    file.write_text(BASE + text)
    return load(file, environ or {})


def faults(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, environ)
    return [str(fault).replace(f"{tmp_path}/", "") for fault in caught.value.faults]


def test_the_smallest_configuration_has_the_defaults_of_the_contract(tmp_path: Path) -> None:
    config = loaded(tmp_path, "").config
    assert config.transmitter.issuer == "https://signals.acme.example"
    assert (config.server.host, config.server.port) == ("127.0.0.1", 8080)
    assert (config.admin.host, config.admin.port) == ("127.0.0.1", 8081)
    assert config.store.file == Path("caep-bridge.db")
    assert config.key_directory == Path("caep-bridge.db.keys")
    assert (config.guard.max_users, config.guard.max_percent, config.guard.window) == (25, 5, 600)
    assert config.policy.baseline == "hold"
    assert not config.delivery.allow_insecure_targets
    assert config.identity.lowercase


def test_okta_defaults(tmp_path: Path) -> None:
    okta = loaded(tmp_path, '[receivers.okta]\nprofile = "okta"\naudience = "https://acme.okta.com/"').config.receivers[
        "okta"
    ]
    assert okta.endpoint_url == "https://acme.okta.com/security/api/v1/security-events"
    assert (okta.subject, okta.aggregate, okta.delivery, okta.enabled) == ("device", "user", "push", True)
    assert okta.audience == "https://acme.okta.com/"
    assert okta.events is None


@pytest.mark.parametrize(
    ("lines", "aggregate"),
    [
        ('profile = "ssf"', "device"),
        ('profile = "sse"\nsubject = "user"', "user"),
        ('profile = "okta"\naggregate = "device"', "device"),
    ],
)
def test_the_default_of_aggregate(tmp_path: Path, lines: str, aggregate: str) -> None:
    text = f'[receivers.a]\n{lines}\naudience = "https://a.example"\nendpoint_url = "https://a.example/events"'
    assert loaded(tmp_path, text).config.receivers["a"].aggregate == aggregate


def test_events_by_short_name_and_uri(tmp_path: Path) -> None:
    text = f"""[receivers.a]
profile = "ssf"
audience = "a"
endpoint_url = "https://a.example/"
events = ["device-compliance-change", "{CAEP}session-revoked"]
"""
    assert loaded(tmp_path, text).config.receivers["a"].events == (
        CAEP + "device-compliance-change",
        CAEP + "session-revoked",
    )


RECEIVER = '[receivers.a]\nprofile = "ssf"\naudience = "a"\nendpoint_url = "https://a.example/"\n'
POLLING = '[receivers.a]\nprofile = "ssf"\naudience = "a"\ndelivery = "poll"'
WRONG = [
    # text after the two lines of [transmitter], the fault
    ("[servr]\nport = 1", "config.toml:3: servr: unknown key (did you mean server?)"),
    ("[server]\nprot = 1", "config.toml:4: server.prot: unknown key (did you mean port?)"),
    ('[server]\nport = "x"', "config.toml:4: server.port: must be a whole number"),
    ("[server]\nport = true", "config.toml:4: server.port: must be a number"),
    ("[server]\nport = 65536", "config.toml:4: server.port: must be at most 65535"),
    ("[server]\nport = 8081", "config.toml:4: server.port: must not be the port of [admin]"),
    ('server = "x"', None),
    ('[server]\nhost = " "', "config.toml:4: server.host: must not be empty, nor begin or end with a space"),
    (f'[server]\ntls_cert_file = "{__file__}"', "config.toml:4: server.tls_cert_file: needs tls_key_file beside it"),
    ('[delivery]\nca_file = "/nowhere"', "config.toml:4: delivery.ca_file: there is no such file"),
    (
        '[delivery]\nallowed_networks = ["10.0.0.1/8"]',
        "config.toml:4: delivery.allowed_networks.0: must be a network such as",
    ),
    ("[delivery]\nallow_insecure_targets = 7", "config.toml:4: delivery.allow_insecure_targets: must be true or false"),
    ('[guard]\nwindow = "10"', "config.toml:4: guard.window: must be a duration"),
    ("[guard]\nwindow = 10", "config.toml:4: guard.window: must be a duration"),
    ('[guard]\nwindow = "-1m"', "config.toml:4: guard.window: must be a duration"),
    ("[guard]\nmax_percent = nan", "config.toml:4: guard.max_percent: must be at least 0"),
    ("[guard]\nmax_percent = 101", "config.toml:4: guard.max_percent: must be at most 100"),
    ('[policy]\nbaseline = "helt"', 'config.toml:4: policy.baseline: must be "hold" or "announce"'),
    ('[keys]\nrotate_every = "24h"', "config.toml:4: keys.rotate_every: must be longer than publish_for"),
    ('[keys]\npublish_for = "soon"', 'config.toml:4: keys.publish_for: must be a duration such as "30s"'),
    ('[delivery]\nproxy = "proxy:3128"', "config.toml:4: delivery.proxy: must be an absolute URL"),
    ('[store]\nurl = "mysql://x"', "config.toml:4: store.url: must be sqlite:///<file>"),
    ('[store]\nurl = "postgresql://u:p@h/d"', "config.toml:4: store.url: PostgreSQL is not supported yet"),
    ('[store]\nurl = "sqlite:///"', "config.toml:4: store.url: must name a file"),
    ('[connectors.Kolide]\ntype = "x"', "config.toml:3: connectors.Kolide: a name is made of small letters"),
    ("[connectors.kolide]\nx = 1", "config.toml:3: connectors.kolide.type: is required"),
    ("connectors = 3", None),
    ('[connectors.k]\ntype = "x"\ndry_run = "maybe"', "config.toml:5: connectors.k.dry_run: must be true or false"),
    (
        '[receivers.a]\nprofile = "okat"\naudience = "x"',
        'config.toml:4: receivers.a.profile: must be "ssf", "okta" or "sse"',
    ),
    ('[receivers.a]\nprofile = "ssf"\naudience = "x"', "config.toml:3: receivers.a.endpoint_url: is required"),
    (
        '[receivers.a]\nprofile = "okta"\naudience = "acme"',
        "config.toml:5: receivers.a.audience: must be the URL of the Okta",
    ),
    (RECEIVER + 'subject = "user"\naggregate = "device"', 'config.toml:8: receivers.a.aggregate: must be "user" where'),
    (POLLING, 'config.toml:6: receivers.a.delivery: "poll" needs client'),
    (RECEIVER + 'client = "x"', 'config.toml:7: receivers.a.client: has a meaning only with delivery = "poll"'),
    (RECEIVER + 'connectors = ["none"]', "config.toml:7: receivers.a.connectors.0: there is no [connectors.none]"),
    (RECEIVER + 'events = ["device-complince"]', "config.toml:7: receivers.a.events: must hold URIs or short names"),
    (RECEIVER + "events = []", "config.toml:7: receivers.a.events: must not be empty"),
    (RECEIVER + 'domains = ["a b"]', "config.toml:7: receivers.a.domains.0: must be a domain such as acme.example"),
    (RECEIVER + 'authorization_header = "a\\nb"', "config.toml:7: receivers.a.authorization_header: must be one line"),
    (RECEIVER + 'authorization_header = ""', "config.toml:7: receivers.a.authorization_header: must not be empty"),
    (
        '[receivers.a]\nprofile = "okta"\naudience = "https://acme-admin.okta.com"',
        "config.toml:5: receivers.a.audience: must be the organisation's own address, without -admin",
    ),
    ('[store]\nurl = "sqlite:////no-such-folder/x.db"', "config.toml:4: store.url: there is no such folder"),
    (RECEIVER.replace("https://a", "http://a"), "config.toml:6: receivers.a.endpoint_url: must begin with https://"),
    (
        RECEIVER.replace("https://a", "https://u:p@a"),
        "config.toml:6: receivers.a.endpoint_url: must not hold a user name",
    ),
    (
        RECEIVER.replace("https://a.example/", "ftp://a"),
        "config.toml:6: receivers.a.endpoint_url: must be an absolute URL",
    ),
    ('[oauth.clients.c]\naudience = "x"', "config.toml:3: oauth.clients.c.secret: is required"),
    (
        '[oauth.clients.c]\naudience = "x"\nsecret = "s"\nscopes = ["ssf.raed"]',
        "scopes.0: must be one of ssf.read, ssf.manage",
    ),
    ('[oauth]\nclient = "x"', "config.toml:4: oauth.client: unknown key (did you mean clients?)"),
    ("[[receivers]]\nx = 1", "config.toml:3: receivers: must be a table"),
    (
        '[keys]\nsigning_key = "file:none.pem"',
        "config.toml:4: keys.signing_key: file none.pem cannot be read: No such file",
    ),
    ('[retention]\ndelivered = "5m"', 'config.toml:4: retention.delivered: must be at least "1h"'),
    ('[retention]\naudit = "29d"', 'config.toml:4: retention.audit: must be at least "30d"'),
    ('[retention]\nwebhooks = "91d"', "retention.webhooks: must not be longer than retention.delivery_ids"),
    ('[retention]\ndelivery_ids = "2d"', "retention.delivery_ids: must not be shorter than retention.webhooks"),
    ("[retention]\nper_subject = 0", "config.toml:4: retention.per_subject: must be at least 1"),
    ("[retention]\nper_subject = true", "config.toml:4: retention.per_subject: must be a number"),
    ("[retention]\nstatements = 20", "config.toml:4: retention.statements: must be at least 50"),
    ("[retention]\nstatements = 2000", "config.toml:4: retention.statements: must be at most 1000"),
    ("[retention]\nquarantine_limit = 0", "config.toml:4: retention.quarantine_limit: must be at least 1"),
    ('[retention]\nwebhook = "1d"', "retention.webhook: unknown key (did you mean webhooks?)"),
    ('[policy]\nlongest_override = "59m"', 'config.toml:4: policy.longest_override: must be at least "1h"'),
    ('[policy]\nlongest_override = "366d"', 'config.toml:4: policy.longest_override: must be at most "365d"'),
    ('[policy]\nlong_failing = "0s"', 'config.toml:4: policy.long_failing: must be at least "1h"'),
    ('[delivery]\ngive_up_after = "1m"', 'config.toml:4: delivery.give_up_after: must be at least "1h"'),
    ('[delivery]\ngive_up_after = "31d"', 'config.toml:4: delivery.give_up_after: must be at most "30d"'),
    ('[log]\nlevel = "env:NOPE"', "config.toml:4: log.level: environment variable NOPE is not set"),
]


@pytest.mark.parametrize(("text", "fault"), [case for case in WRONG if case[1]])
def test_a_fault_is_named_with_its_place(tmp_path: Path, text: str, fault: str) -> None:
    found = faults(tmp_path, text)
    assert len(found) == 1, found
    assert fault in found[0]


@pytest.mark.parametrize("section", ["server", "connectors", "receivers", "oauth", "transmitter", "log"])
def test_a_section_that_is_no_table(tmp_path: Path, section: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"{section} = 3\n")
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    assert Fault(f"{file}:1", section, "must be a table") in caught.value.faults


ISSUERS = {
    "http://a.example": "must begin with https://",
    "https://": "must be an absolute URL",
    "a.example": "must be an absolute URL",
    "https://a.example/?q=1": "must not have a query",
    "https://a.example/?": "must not have a query",
    "https://a.example/#f": "must not have a fragment",
    "https://a.example/#": "must not have a fragment",
    "https://u@a.example/": "must not hold a user name",
    "https://a.example/a b": "must not hold spaces",
    "https://[::1": "is not a URL",
    "https://a.example:99999": "is not a URL",
}


@pytest.mark.parametrize("issuer", ISSUERS)
def test_wrong_issuers(tmp_path: Path, issuer: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[transmitter]\nissuer = "{issuer}"\n')
    with pytest.raises(ConfigError, match=ISSUERS[issuer]):
        load(file, {})


def test_http_where_insecure_targets_are_allowed(tmp_path: Path) -> None:
    text = "[delivery]\nallow_insecure_targets = true\n" + RECEIVER.replace("https", "http")
    file = tmp_path / "config.toml"
    file.write_text('[transmitter]\nissuer = "http://127.0.0.1:8080"\n' + text)
    assert load(file, {}).config.receivers["a"].endpoint_url == "http://a.example/"


def test_all_faults_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """[server]
prot = 1
[connectors.kolide]
type = "kolide"
signing_secret = "env:NOT_SET"
dry_run = 5
[receivers.okta]
profile = "ssf"
audience = "https://acme.okta.com"
[admin]
port = 70000
"""
    found = faults(tmp_path, text, {"CAEP_BRIDGE_LOG__LEVEL": "loud"})
    assert [fault.split(": ")[:2] for fault in found] == [
        ["config.toml:4", "server.prot"],
        ["config.toml:7", "connectors.kolide.signing_secret"],
        ["config.toml:8", "connectors.kolide.dry_run"],
        ["config.toml:9", "receivers.okta.endpoint_url"],
        ["config.toml:13", "admin.port"],
        ["environment CAEP_BRIDGE_LOG__LEVEL", "log.level"],
    ]


def test_a_connector_that_is_at_fault_is_still_a_connector(tmp_path: Path) -> None:
    found = faults(tmp_path, "[connectors.k]\nx = 1\n" + RECEIVER + 'connectors = ["k"]')
    assert found == ["config.toml:3: connectors.k.type: is required"]


class TestEnvironment:
    def test_it_overrides_the_file(self, tmp_path: Path) -> None:
        environ = {"CAEP_BRIDGE_SERVER__PORT": "9000", "CAEP_BRIDGE_RECEIVERS__A__AUDIENCE": "b"}
        config = loaded(tmp_path, "[server]\nport = 1\n" + RECEIVER, environ).config
        assert config.server.port == 9000
        assert config.receivers["a"].audience == "b"

    def test_it_can_be_the_whole_configuration(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        found = load(None, {"CAEP_BRIDGE_TRANSMITTER__ISSUER": "https://a.example"})
        assert found.path is None
        assert found.config.transmitter.issuer == "https://a.example"

    @pytest.mark.parametrize("text", ["kolide,jamf", "kolide, jamf,", '["kolide","jamf"]'])
    def test_lists(self, tmp_path: Path, text: str) -> None:
        both = '[connectors.kolide]\ntype = "x"\n[connectors.jamf]\ntype = "x"\n'
        config = loaded(tmp_path, both + RECEIVER, {"CAEP_BRIDGE_RECEIVERS__A__CONNECTORS": text}).config
        assert config.receivers["a"].connectors == ("kolide", "jamf")

    def test_booleans_and_settings(self, tmp_path: Path) -> None:
        environ = {"CAEP_BRIDGE_CONNECTORS__K__DRY_RUN": "true", "CAEP_BRIDGE_CONNECTORS__K__API_KEY": "abc"}
        connector = loaded(tmp_path, '[connectors.k]\ntype = "x"\n', environ).config.connectors["k"]
        assert connector.dry_run
        assert connector.settings["api_key"] == Secret("abc")

    @pytest.mark.parametrize(
        ("name", "path"),
        [
            ("CAEP_BRIDGE_SERVER__PROT", "server.prot"),
            ("CAEP_BRIDGE_SERVR__PORT", "servr"),
            ("CAEP_BRIDGE_RECEIVERS__A__AUDIENC", "receivers.a.audienc"),
            ("CAEP_BRIDGE_RECEIVERS__B__PROFILE", "receivers.b.audience"),
        ],
    )
    def test_faults_name_the_variable(self, tmp_path: Path, name: str, path: str) -> None:
        found = faults(tmp_path, RECEIVER, {name: "ssf"})
        assert any(fault.startswith(f"environment {name}: {path}: ") for fault in found), found

    def test_what_kubernetes_sets_for_a_service_of_our_name_is_left_alone(self, tmp_path: Path) -> None:
        environ = {
            "CAEP_BRIDGE_PORT": "tcp://10.0.0.1:80",
            "CAEP_BRIDGE_SERVICE_HOST": "10.0.0.1",
            "CAEP_BRIDGE_PORT_80_TCP_ADDR": "10.0.0.1",
            "CAEP_BRIDGE_CONFIG": "ignored where a path is given",
            "CAEP_BRIDGE_TEST_POSTGRES": "x",
        }
        assert loaded(tmp_path, "", environ).config.server.port == 8080


class TestReferences:
    def test_anywhere(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("from file\n")
        environ = {"PORT": "9000", "AUD": "aud", "A": "one", "HEADER": "Bearer x"}
        text = """[server]
port = "env:PORT"
[connectors.k]
type = "x"
signing_secret = ["env:A", "two", "file:secret"]
base_url = "env:AUD"
plain = "plain"
[receivers.a]
profile = "ssf"
audience = "env:AUD"
endpoint_url = "https://a.example/"
authorization_header = "env:HEADER"
"""
        found = loaded(tmp_path, text, environ)
        assert found.config.server.port == 9000
        assert found.config.receivers["a"].audience == "aud"
        header = found.config.receivers["a"].authorization_header
        assert header is not None and header.reveal() == "Bearer x" and header.origin == "env:HEADER"
        settings = found.config.connectors["k"].settings
        assert settings["signing_secret"] == [Secret("one"), Secret("two"), Secret("from file")]
        assert settings["base_url"] == Secret("aud")
        assert settings["plain"] == "plain"
        assert found.origins["receivers", "a", "audience"] == "env:AUD"
        assert found.config.connectors["k"].table() == {"type": "x", **settings}

    def test_an_absolute_file(self, tmp_path: Path) -> None:
        (tmp_path / "pem").write_text("-----BEGIN\nx\n")
        key = loaded(tmp_path, f'[keys]\nsigning_key = "file:{tmp_path}/pem"').config.keys.signing_key
        assert key is not None and key.reveal() == "-----BEGIN\nx" and key.origin == f"file:{tmp_path}/pem"

    @pytest.mark.parametrize(
        ("reference", "message"),
        [
            ("env:NOPE", "environment variable NOPE is not set"),
            ("env:EMPTY", "environment variable EMPTY is empty"),
            ("env:", "environment variable  is not set"),
            ("file:nope", "file nope cannot be read: No such file or directory"),
            ("file:.", "file . cannot be read: Is a directory"),
            ("file:empty", "file empty is empty"),
            ("file:binary", "file binary cannot be read: it is not UTF-8 text"),
            ("file:huge", "file huge is larger than 64 KiB"),
        ],
    )
    def test_what_cannot_be_read(self, tmp_path: Path, reference: str, message: str) -> None:
        (tmp_path / "empty").write_text("\n")
        (tmp_path / "binary").write_bytes(b"\xff\xfe")
        (tmp_path / "huge").write_text("x" * 65537)
        for key in ('[connectors.k]\ntype = "x"\nsigning_secret', RECEIVER + "authorization_header", "[server]\nhost"):
            found = faults(tmp_path, f'{key} = "{reference}"', {"EMPTY": ""})
            assert len(found) == 1
            assert found[0].endswith(message)

    def test_what_came_from_a_reference_is_never_in_a_fault_or_a_repr(self, tmp_path: Path) -> None:
        hidden = "hunter2-hidden"
        (tmp_path / "s").write_text(hidden)
        text = """[transmitter2]
issuer = "file:s"
[server]
host = "file:s"
port = "env:H"
[log]
level = "env:H"
[store]
url = "env:H"
[guard]
window = "env:H"
max_percent = "env:H"
[delivery]
allow_insecure_targets = "env:H"
allowed_networks = ["env:H"]
proxy = "env:H"
[connectors.k]
type = "env:H"
token = "env:H"
dry_run = "env:H"
[receivers.a]
profile = "env:H"
audience = "env:H"
endpoint_url = "env:H"
events = ["env:H"]
connectors = ["env:H"]
"""
        file = tmp_path / "config.toml"
        file.write_text(BASE + text)
        draft = read(file, {"H": hidden})
        assert len(draft.faults) > 10
        assert hidden not in "\n".join(map(str, draft.faults)) + repr(draft)

    def test_the_whole_configuration_shows_no_secret(self, tmp_path: Path) -> None:
        text = """[connectors.k]
type = "x"
signing_secret = "hidden-1"
other = "env:H"
[receivers.a]
profile = "ssf"
audience = "a"
endpoint_url = "https://a.example/"
authorization_header = "hidden-2"
[oauth.clients.c]
secret = "hidden-3"
audience = "x"
[delivery]
proxy = "http://u:hidden-4@p:1"
"""
        found = loaded(tmp_path, text, {"H": "hidden-5"})
        assert "hidden-" not in repr(found) + str(found.config)


class TestFiles:
    def test_the_order(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, port in (("config.toml", 1), ("two.toml", 2), ("three.toml", 3)):
            (tmp_path / name).write_text(f"{BASE}[server]\nport = {port}\n")
        monkeypatch.chdir(tmp_path)
        assert load(None, {}).config.server.port == 1
        assert load(None, {"CAEP_BRIDGE_CONFIG": "two.toml"}).config.server.port == 2
        assert load(Path("three.toml"), {"CAEP_BRIDGE_CONFIG": "two.toml"}).config.server.port == 3

    @pytest.mark.parametrize("path", [None, Path("missing.toml"), Path(".")])
    def test_no_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Path | None) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ConfigError, match="caep-bridge init"):
            load(path, {})

    @pytest.mark.parametrize(
        ("raw", "place"),
        [
            (b"a = 1\nb = \n", ":2: not valid TOML"),
            (b"a = 1\na = 2\n", ":2: not valid TOML"),
            (b'x = "hid.den\n', ":1: not valid TOML"),
            (b"a = [1,", ":1: not valid TOML"),
            (b"a = 1\n\xff\xfe", ":2: is not UTF-8 text"),
            (b"a = " + b"[" * 100_000, ": not valid TOML: nested too deeply"),
        ],
    )
    def test_not_toml(self, tmp_path: Path, raw: bytes, place: str) -> None:
        file = tmp_path / "config.toml"
        file.write_bytes(raw)
        with pytest.raises(ConfigError) as caught:
            load(file, {})
        assert str(caught.value).startswith(f"{file}{place}")
        assert "hid.den" not in str(caught.value)

    def test_a_byte_order_mark_is_no_fault(self, tmp_path: Path) -> None:
        file = tmp_path / "config.toml"
        file.write_bytes(b"\xef\xbb\xbf" + BASE.encode())
        assert load(file, {}).config.transmitter.issuer

    def test_an_empty_file(self, tmp_path: Path) -> None:
        file = tmp_path / "config.toml"
        file.write_text("")
        with pytest.raises(ConfigError) as caught:
            load(file, {})
        assert [str(fault) for fault in caught.value.faults] == [f"{file}: transmitter.issuer: is required"]


class TestPlaces:
    def test_faults_found_later_get_their_place(self, tmp_path: Path) -> None:
        found = loaded(tmp_path, '[connectors.k]\ntype = "x"\nkey = "v"\n', {"CAEP_BRIDGE_CONNECTORS__K__EXTRA": "1"})
        later = [
            Fault("", "connectors.k.extra", "c"),
            Fault("", "connectors.k.missing", "b"),
            Fault("", "connectors.k.key", "a"),
            Fault("connectors/x/connector.toml:9", "judge", "d"),
        ]
        file = str(tmp_path / "config.toml")
        assert found.locate(later) == [
            Fault(f"{file}:3", "connectors.k.missing", "b"),
            Fault(f"{file}:5", "connectors.k.key", "a"),
            Fault("connectors/x/connector.toml:9", "judge", "d"),
            Fault("environment CAEP_BRIDGE_CONNECTORS__K__EXTRA", "connectors.k.extra", "c"),
        ]

    def test_a_draft_offers_the_tables_that_can_be_judged(self, tmp_path: Path) -> None:
        file = tmp_path / "config.toml"
        file.write_text(BASE + '[connectors.a]\ntype = "x"\nk = "env:NO"\n[connectors.b]\nk = 1\n')
        draft = read(file, {})
        assert draft.config is None
        assert draft.connectors == {"a": {"type": "x", "k": Secret("")}}


def test_keys_without_effect_are_named_where_they_were_written(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("a key")
    both = f'[keys]\nsigning_key = "file:{key}"\nrotate_every = "30d"\n'
    found = loaded(tmp_path, both)
    assert [path for path, _ in no_effect(found.config, found.written)] == ["keys.rotate_every"]
    found = loaded(tmp_path, both + '[oauth.clients.c]\nsecret = "s"\naudience = "x"\n')
    assert no_effect(found.config, found.written) == []  # the keys of its tokens follow it
    assert no_effect(loaded(tmp_path, RECEIVER).config, loaded(tmp_path, RECEIVER).written) == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///caep-bridge.db", "sqlite:///caep-bridge.db"),
        ("postgresql://u:hidden@h:5/d?password=hidden", "postgresql://u:********@h:5/d"),
        ("http://hidden@proxy", "http://hidden:********@proxy"),
    ],
)
def test_a_password_in_a_url_is_not_shown(url: str, shown: str) -> None:
    from bridge.config.sections import without_password

    assert without_password(url) == shown
