"""An Okta organisation on loopback: users, System Log, Security Events Providers, tokens, rate limits, and bad days.

It behaves as Okta's API description says: a filter that minds upper and lower case and leaves out deactivated people,
404 with E0000007, 401 with E0000011, 403 with E0000006, 429 with E0000047, pages by Link headers, 202 for any SET.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from bridge.ssf.decoded import decoded

READ_TOKEN = "00-read-token-never-to-be-shown"
ADMIN_TOKEN = "00-admin-token-never-to-be-shown"
SCOPES = {
    READ_TOKEN: {"okta.users.read", "okta.logs.read"},
    ADMIN_TOKEN: {"okta.securityEventsProviders.read", "okta.securityEventsProviders.manage"},
}
EVENT = "security.events.provider.receive_event"


@dataclass
class Org:
    """What the organisation holds, and how it behaves now."""

    users: dict[str, str] = field(default_factory=dict)
    """login → status."""
    events: list[dict[str, Any]] = field(default_factory=list)
    providers: list[dict[str, Any]] = field(default_factory=list)
    scopes: dict[str, set[str]] = field(default_factory=lambda: dict(SCOPES))
    client: RSAKey | None = None
    granted: set[str] = field(default_factory=lambda: {"okta.users.read", "okta.logs.read"})
    page: int = 100
    remaining: int = 500
    reset_in: float = 30.0
    ahead: float = 0.0
    """Seconds that its clock is ahead."""
    slow: float = 0.0
    broken: tuple[int, str] | None = None
    """(status, body) that it answers to everything, as HTML."""
    unreachable: bool = False
    """It cannot read the documents of an issuer."""
    hides_jti: bool = False
    """Its System Log does not show the `jti`."""
    asked: list[str] = field(default_factory=list)
    sets: list[dict[str, Any]] = field(default_factory=list)
    base: str = ""

    def paths(self) -> list[str]:
        return [line.partition("?")[0] for line in self.asked]

    def log(self, jti: str, login: str, at: float, kind: str = EVENT) -> None:
        published = datetime.fromtimestamp(at).astimezone().isoformat(timespec="milliseconds")
        data = {} if self.hides_jti else {"securityEventToken": json.dumps({"jti": jti})}
        self.events.append(
            {
                "uuid": f"uuid-{len(self.events) + 1}",
                "published": published,
                "eventType": kind,
                "target": [{"type": "User", "alternateId": login}],
                "debugContext": {"debugData": data},
                "at": at,
            }
        )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    org: Org

    def log_message(self, format: str, *args: Any) -> None:
        return

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(time.time() + self.org.ahead, usegmt=True)

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_GET

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.org.asked.append(f"{self.command} {self.path}")
        if self.org.slow:
            time.sleep(self.org.slow)
        try:
            if self.org.broken is not None:
                status, html = self.org.broken
                self._answer(status, html.encode(), "text/html")
            elif self.org.remaining <= 0:
                self._refuse(429, "E0000047", "API call exceeded rate limit due to too many requests.")
            else:
                self._route(urlsplit(self.path).path, body)
        except BrokenPipeError:
            self.close_connection = True

    def _route(self, path: str, body: bytes) -> None:
        if path == "/security/api/v1/security-events":
            self._take(body)
        elif path == "/oauth2/v1/token":
            self._token(body)
        elif path == "/api/v1/users":
            self._when("okta.users.read", self._users)
        elif path.startswith("/api/v1/users/"):
            self._when("okta.users.read", lambda: self._user(unquote(path.rpartition("/")[2])))
        elif path == "/api/v1/logs":
            self._when("okta.logs.read", self._logs)
        elif path.startswith("/api/v1/security-events-providers"):
            scope = "read" if self.command == "GET" else "manage"
            self._when(f"okta.securityEventsProviders.{scope}", lambda: self._providers(path, body))
        else:
            self._refuse(404, "E0000022", "The endpoint does not support the provided HTTP method")

    def _when(self, scope: str, answer: Any) -> None:
        token = (self.headers.get("authorization") or "").partition(" ")[2]
        if token not in self.org.scopes:
            self._refuse(401, "E0000011", "Invalid token provided")
        elif scope not in self.org.scopes[token]:
            self._refuse(403, "E0000006", "You do not have permission to perform the requested action")
        else:
            answer()

    def _users(self) -> None:
        wanted = set(re.findall(r'profile\.login eq "([^"]*)"', self._query("filter")))
        there = [login for login, status in self.org.users.items() if status != "DEPROVISIONED"]
        self._json(200, [self._shown(login) for login in there if login in wanted or not wanted])

    def _user(self, login: str) -> None:
        found = [one for one in self.org.users if one.casefold() == login.casefold()]
        if found:
            self._json(200, self._shown(found[0]))
        else:
            self._refuse(404, "E0000007", f"Not found: Resource not found: {login} (User)")

    def _shown(self, login: str) -> dict[str, Any]:
        return {"id": f"00u{len(login)}", "status": self.org.users[login], "profile": {"login": login}}

    def _logs(self) -> None:
        since = datetime.fromisoformat(self._query("since") or "2000-01-01T00:00:00Z").timestamp()
        until = datetime.fromisoformat(self._query("until") or "2100-01-01T00:00:00Z").timestamp()
        kind = self._query("filter").partition('"')[2].partition('"')[0]
        start, size = int(self._query("after") or 0), min(int(self._query("limit") or 100), self.org.page)
        found = [one for one in self.org.events if one["eventType"] == kind and since <= one["at"] < until]
        shown = [{key: value for key, value in one.items() if key != "at"} for one in found[start : start + size]]
        url = self.org.base + self.path.partition("&after=")[0]
        links = [f'<{url}>; rel="self"']
        if start + size < len(found):
            links.append(f'<{url}&after={start + size}>; rel="next"')
        self._json(200, shown, links)

    def _providers(self, path: str, body: bytes) -> None:
        _, _, rest = path.partition("security-events-providers")
        given = json.loads(body) if body else {}
        if not rest and self.command == "GET":
            self._json(200, self.org.providers)
        elif not rest and self.command == "POST":
            self._keep(given, None)
        elif (found := next((one for one in self.org.providers if one["id"] == rest.split("/")[1]), None)) is None:
            self._refuse(404, "E0000007", "Not found: Resource not found")
        elif rest.endswith("/lifecycle/activate"):
            found["status"] = "ACTIVE"
            self._json(200, found)
        else:
            self._keep(given, found)

    def _keep(self, given: dict[str, Any], found: dict[str, Any] | None) -> None:
        settings = given["settings"]
        url = settings.get("well_known_url")
        if url is not None and self.org.unreachable:
            why = [{"errorSummary": "well_known_url: The URL could not be resolved"}]
            self._refuse(400, "E0000001", "Api validation failed: securityEventsProvider", why)
            return
        issuer = url.partition("/.well-known/")[0] if url else settings["issuer"]
        keys = f"{issuer}/.well-known/jwks.json" if url else settings["jwks_url"]
        found = found if found is not None else {"id": f"sse{len(self.org.providers) + 1}", "status": "ACTIVE"}
        found |= {**given, "settings": {"issuer": issuer, "jwks_url": keys, "well_known_url": url}}
        if found not in self.org.providers:
            self.org.providers.append(found)
        self._json(200, found)

    def _token(self, body: bytes) -> None:
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        try:
            claims = jwt.decode(form["client_assertion"], self.org.client, algorithms=["RS256"]).claims
        except Exception:
            claims = {}
        good = claims.get("aud") == self.org.base + "/oauth2/v1/token" and claims.get("iss") == claims.get("sub")
        if not good or not time.time() < claims["exp"] <= time.time() + 3600:
            self._json(401, {"error": "invalid_client", "error_description": "The client_assertion is not valid."})
        elif form["scope"] not in self.org.granted:
            words = "One or more scopes are not configured for the authorization server resource."
            self._json(400, {"error": "invalid_scope", "error_description": words})
        else:
            token = f"access-{form['scope']}"
            self.org.scopes[token] = {form["scope"]}
            self._json(200, {"token_type": "Bearer", "access_token": token, "expires_in": 3600})

    def _take(self, body: bytes) -> None:
        """202 whatever the user; only a known one leaves a trace."""
        if self.command != "POST":
            self._refuse(405, "E0000022", "The endpoint does not support the provided HTTP method")
            return
        _, claims = decoded(body.decode())
        self.org.sets.append(claims)
        login = next(iter(claims["events"].values()))["subject"]["user"]["email"]
        if login in self.org.users:
            self.org.log(claims["jti"], login, time.time())
        self._answer(202, b"", None)

    def _query(self, key: str) -> str:
        return parse_qs(urlsplit(self.path).query).get(key, [""])[0]

    def _refuse(self, status: int, code: str, summary: str, causes: list[dict[str, str]] | None = None) -> None:
        self._json(status, {"errorCode": code, "errorSummary": summary, "errorCauses": causes or []})

    def _json(self, status: int, tree: Any, links: list[str] | None = None) -> None:
        self._answer(status, json.dumps(tree).encode(), "application/json", links)

    def _answer(self, status: int, body: bytes, kind: str | None, links: list[str] | None = None) -> None:
        self.send_response(status)
        if kind is not None:
            self.send_header("Content-Type", kind)
        for link in links or []:
            self.send_header("Link", link)
        self.send_header("X-Rate-Limit-Limit", "600")
        self.send_header("X-Rate-Limit-Remaining", str(max(0, self.org.remaining)))
        self.send_header("X-Rate-Limit-Reset", str(int(time.time() + self.org.ahead + self.org.reset_in)))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def running(org: Org) -> Iterator[Org]:
    """The organisation, answering at `org.base`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"org": org}))
    server.daemon_threads = True
    org.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield org
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
