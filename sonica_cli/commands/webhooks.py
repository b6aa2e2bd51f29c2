"""`sonica webhooks create | list | test | deliveries | rotate | delete`: posting events."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from sonica_cli.options import Address, DataDir, Json, edge_of

if TYPE_CHECKING:
    from sonica_client import SonicaClient, Webhook, WebhookDelivery

app = typer.Typer(no_args_is_help=True, help="Has events of the account posted to an address.")


class EventName(StrEnum):
    """Events as they are written on the command line, and posted."""

    RECOGNITION_MATCHED = "recognition.matched"
    TRACK_READY = "track.ready"
    IMPORT_FINISHED = "import.finished"
    TEST = "webhook.test"


Hook = Annotated[
    str, typer.Argument(metavar="WEBHOOK", help="Name of the webhook, or the last part of it.")
]


@app.command("create")
def create(
    url: Annotated[str, typer.Argument(metavar="URL", help="https:// address of a public host.")],
    event: Annotated[
        list[EventName] | None,
        typer.Option(
            metavar="EVENT",
            help="What to post: recognition.matched, and for admins track.ready, import.finished; "
            "may be repeated. [default: recognition.matched]",
            show_default=False,
        ),
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What to call it.")] = "",
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Makes a webhook and shows the secret of its signatures, this once."""
    import json as json_format

    from sonica_client import WebhookEvent

    from sonica_cli.identity import as_person
    from sonica_cli.screen import note, say

    events = [WebhookEvent[each.name] for each in event or [EventName.RECOGNITION_MATCHED]]

    async def work(client: SonicaClient) -> tuple[Webhook, str]:
        return await client.webhooks.create(url, events, display_name=name)

    made, secret = as_person(edge_of(address, data), work)
    if json:
        say(json_format.dumps(made.to_dict() | {"secret": secret}, ensure_ascii=False))
        return
    say(secret)
    note(f"{made.name} posts {_events(made)} to {made.url}. The secret is shown only now.")


@app.command("list")
def list_(json: Json = False, address: Address = None, data: DataDir = None) -> None:
    """Lists the webhooks of the account, the newest first."""
    from sonica_cli.identity import as_person
    from sonica_cli.screen import say, show_table

    found = as_person(edge_of(address, data), lambda client: client.webhooks.list())
    if json:
        say(*(each.to_json() for each in found))
        return
    if not found:
        say("There are no webhooks.")
        return
    rows = [
        (each.name.rpartition("/")[2], each.display_name, each.url, _events(each), _state(each))
        for each in found
    ]
    show_table(("Webhook", "Name", "Address", "Events", "State"), rows)


@app.command("test")
def post(hook: Hook, json: Json = False, address: Address = None, data: DataDir = None) -> None:
    """Has an event posted now; `deliveries` says what became of it."""
    from sonica_cli.identity import as_person
    from sonica_cli.screen import say

    queued = as_person(edge_of(address, data), lambda client: client.webhooks.test(_name(hook)))
    say(queued.to_json() if json else f"Queued {queued.event_id}.")


@app.command("deliveries")
def deliveries(
    hook: Hook,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=100, help="Most shown, the newest first.")
    ] = 20,
    json: Json = False,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Lists what was posted to a webhook and what waits, the newest first."""
    from sonica_cli.identity import as_person
    from sonica_cli.screen import say, show_table

    page = as_person(
        edge_of(address, data),
        lambda client: client.webhooks.deliveries(_name(hook), page_size=limit),
    )
    if json:
        say(*(each.to_json() for each in page.deliveries))
        return
    if not page.deliveries:
        say("There is nothing.")
        return
    columns = ("Queued", "Event", "State", "Tries", "Answer")
    show_table(columns, [_row(each) for each in page.deliveries], right=("Tries",))


@app.command("rotate")
def rotate(hook: Hook, json: Json = False, address: Address = None, data: DataDir = None) -> None:
    """Gives a webhook a new secret and shows it, this once; the old one ends after 24 hours."""
    import json as json_format

    from sonica_cli.identity import as_person
    from sonica_cli.screen import note, say

    name = _name(hook)
    secret = as_person(edge_of(address, data), lambda client: client.webhooks.rotate_secret(name))
    if json:
        say(json_format.dumps({"name": name, "secret": secret}))
        return
    say(secret)
    note(f"For 24 hours events of {name} carry two signatures. It is shown only now.")


@app.command("delete")
def delete(hook: Hook, json: Json = False, address: Address = None, data: DataDir = None) -> None:
    """Deletes a webhook with the log of its deliveries."""
    import json as json_format

    from sonica_cli.identity import as_person
    from sonica_cli.screen import say

    name = _name(hook)
    as_person(edge_of(address, data), lambda client: client.webhooks.delete(name))
    say(json_format.dumps({"deleted": name}) if json else f"Deleted {name}.")


def _name(hook: str) -> str:
    return hook if "/" in hook else f"users/me/webhooks/{hook}"


def _events(webhook: Webhook) -> str:
    return ", ".join(EventName[event.name or ""].value for event in webhook.events)


def _state(webhook: Webhook) -> str:
    if webhook.disabled:
        return f"off: {webhook.disable_reason}" if webhook.disable_reason else "off"
    return "fails" if webhook.fail_time is not None else "good"


def _row(delivery: WebhookDelivery) -> tuple[str, str, str, str, str]:
    from sonica_cli.times import shown

    return (
        shown(delivery.create_time),
        EventName[delivery.event.name or ""].value,
        (delivery.state.name or "").lower().replace("_", " "),
        str(delivery.attempt_count),
        delivery.last_error or str(delivery.last_status_code or ""),
    )
