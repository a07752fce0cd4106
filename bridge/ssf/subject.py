"""Subject identifiers for a person and their device (RFC 9493 §3, SSF 1.0 §3) and the wire subject that orders them."""

from __future__ import annotations

from bridge.model import Event, Shape, Stream, WireSubject


def email(login: str) -> dict[str, str]:
    """RFC 9493 §3.2.2."""
    return {"format": "email", "email": login}


def opaque(identifier: str) -> dict[str, str]:
    """RFC 9493 §3.2.4."""
    return {"format": "opaque", "id": identifier}


def device(namespace: str, device_id: str) -> dict[str, str]:
    """The device as an opaque identifier, `<namespace>:<vendor id>`."""
    return opaque(f"{namespace}:{device_id}")


def user(login: str, shape: Shape) -> dict[str, str]:
    """The person as the receiver knows them: by e-mail address, or by the login at an issuer (RFC 9493 §3.2.3)."""
    if shape.subject_format == "iss_sub":
        return {"format": "iss_sub", "iss": shape.subject_issuer, "sub": login}
    return email(login)


def sub_id(event: Event, stream: Stream) -> dict[str, object]:
    """The top-level subject (SSF 1.0 §3.1) of what `stream` is told."""
    return about(stream, event.login, event.namespace, event.device_id)


def about(stream: Stream, login: str, namespace: str, device_id: str) -> dict[str, object]:
    """A person and their device as `stream` names them: simple where it knows only users, else complex (§3.2, §3.3)."""
    if stream.subject == "user":
        return dict(user(login, stream.shape))
    return {"format": "complex", **members(stream, login, namespace, device_id)}


def members(stream: Stream, login: str, namespace: str, device_id: str) -> dict[str, object]:
    """The members of the subject without a `format` of their own, as Okta's schema and the draft of 2021 want them.

    A `device_id` of "" is no device.
    """
    shape = stream.shape
    found: dict[str, object] = {"user": user(login, shape)}
    if device_id and stream.subject == "device":
        found["device"] = device(namespace, device_id)
    if shape.tenant:
        found["tenant"] = opaque(shape.tenant)
    return found


def wire_subject(stream: Stream, login: str, connector: str, device_id: str) -> WireSubject:
    """Whom `stream` is told about when this device of this person changes.

    With `aggregate = "user"` it is the person alone. Otherwise it is the pair, kept in line by the device,
    so that a device that changes hands is told in order.
    """
    person = f"user={_escaped(login)}"
    if stream.aggregate == "user":
        return WireSubject(key=person, order=person, login=login, connector=None, device_id=None)
    unit = f"device={connector}:{device_id}"
    return WireSubject(key=f"{person};{unit}", order=unit, login=login, connector=connector, device_id=device_id)


def _escaped(login: str) -> str:
    """No login may look like the key of a person with a device."""
    if "%" in login or ";" in login:
        return login.replace("%", "%25").replace(";", "%3B")
    return login


def login_of(key: str) -> str:
    """The login in a wire subject's key; "" if it names no person."""
    person = key.partition(";")[0]
    if not person.startswith("user="):
        return ""
    return person.removeprefix("user=").replace("%3B", ";").replace("%25", "%")
