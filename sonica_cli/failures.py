"""What went wrong, in words: one place that knows the advice for every reason."""

from __future__ import annotations

from dataclasses import dataclass

FAILED = 1
MISUSED = 2
FAULT = 70
INTERRUPTED = 130

_ADVICE = {
    "SERVER_UNREACHABLE": "Start a mesh with `sonica up`, or name one with --address.",
    "SERVER_SILENT": "Look at `sonica status` and at the logs it names.",
    "DEADLINE_EXCEEDED": "The mesh is slow or overloaded; look at `sonica status`.",
    "AUDIO_UNREADABLE": "It is no audio file, or it is damaged; play it to be sure.",
    "AUDIO_UNSUPPORTED": "If it is audio, convert it: `ffmpeg -i FILE out.flac`.",
    "AUDIO_EMPTY": "The file has no content.",
    "AUDIO_TOO_LARGE": "Cut it, or name a shorter clip.",
    "AUDIO_TOO_LONG": "Cut it into parts.",
    "FILE_NOT_FOUND": "Check the path.",
    "FILE_PERMISSION_DENIED": "You may not read it; check its permissions.",
    "FILE_UNREADABLE": "It is not a file that can be read.",
    "TRACK_NOT_FOUND": "`sonica tracks list` shows the ids; `external:ID` takes your own ids.",
    "EXTERNAL_ID_TAKEN": "Other audio has this external_id; delete that track, or choose another.",
    "STORAGE_FULL": "Free some space, then run the command again: it goes on where it stopped.",
    "REBUILD_RUNNING": "Wait until it has ended.",
    "CATALOG_MOVED": "The catalogue has just gone over to another extractor; try again.",
    "INDEX_UNREACHABLE": "Look at `sonica status`; then try again.",
    "STORE_UNREACHABLE": "Look at `sonica status`; then try again.",
    "NOT_LOGGED_IN": "Log in with `sonica login EMAIL`.",
    "CREDENTIALS_REFUSED": "Log in with `sonica login EMAIL`.",
    "REFRESH_REFUSED": "Log in with `sonica login EMAIL`.",
    "LOGIN_REFUSED": "Check both; `sonica register EMAIL` makes an account.",
    "SOCIAL_EMAIL_TAKEN": "Log in with `sonica login EMAIL`; then link the provider.",
    "SOCIAL_LOGIN_REFUSED": "Log in again with `sonica login --provider NAME`.",
    "EMAIL_TAKEN": "Log in with `sonica login EMAIL`.",
    "API_KEY_LIMIT_REACHED": "`sonica keys list` shows them, `sonica keys revoke` ends one.",
    "API_KEY_NOT_FOUND": "`sonica keys list` shows them.",
    "ACCESS_DENIED": "Log in with an account that may, or on the machine of the mesh log out.",
    "CONNECTION_NOT_PRIVATE": "Give --address as https://HOST:PORT; SONICA_INSECURE=true sends it "
    "all the same, where the network is private.",
    "CERTIFICATE_REFUSED": "SONICA_CA_FILE names the file of the CA that it has its certificate "
    "from.",
    "IDENTITY_NO_PROOF": "Nothing was done; `sonica account identities` shows them.",
    "IDENTITY_NEEDED": "`sonica account password --provider NAME` sets one.",
    "WEBHOOK_NOT_FOUND": "`sonica webhooks list` shows them.",
    "WEBHOOK_LIMIT_REACHED": "`sonica webhooks list` shows them, `delete` ends one.",
    "PASSWORD_WRONG": "Nothing was done; try again.",
    "RATE_LIMITED": "Wait a moment; `sonica login` may allow more.",
    "QUOTA_EXHAUSTED": "It is used up for now; the message says until when.",
    "MICROPHONE_UNAVAILABLE": "Name another with --device (Linux needs libportaudio2), or pipe "
    "sound in: `arecord -f S16_LE -r 44100 | sonica listen --raw s16le`.",
    "DECODERS_BUSY": "Try again with fewer --jobs.",
}


class CliError(Exception):
    """A failure the command itself found.

    Args:
        message: what is wrong, with the value.
        advice: what to do about it; may be empty.
        exit_code: `FAILED`, or `MISUSED` when the command line or its input files are wrong.
    """

    def __init__(self, message: str, advice: str = "", *, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Failure:
    """How a failure is shown.

    Attributes:
        message: what is wrong.
        advice: what to do about it; may be empty.
        reason: for programs; empty when there is none.
        exit_code: of the command.
    """

    message: str
    advice: str = ""
    reason: str = ""
    exit_code: int = FAILED


def describe(error: BaseException) -> Failure:
    """Returns what to say about `error`."""
    if isinstance(error, CliError):
        return Failure(error.message, error.advice, exit_code=error.exit_code)
    # A class is only ever an instance's if its module is loaded, so nothing is imported here
    # that the command has not needed.
    name = type(error).__name__
    if name == "SonicaError":
        return _of_service(error)
    if any(kind.__name__ == "LaunchError" for kind in type(error).__mro__):
        return Failure(str(vars(error)["message"]), str(vars(error)["advice"]))
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return Failure(f"{where}{error.strerror or error}")
    return Failure(
        f"a fault in Sonica itself: {name}: {error}",
        "Please report it; SONICA_TRACEBACK=1 shows where it happened.",
        exit_code=FAULT,
    )


def _of_service(error: BaseException) -> Failure:
    reason = str(vars(error)["reason"])
    violations: tuple[tuple[str, str], ...] = vars(error)["violations"]
    message = str(error)
    if len(violations) > 1:
        message += "".join(f"\n  {path}: {constraint}" for path, constraint in violations)
    return Failure(message, _ADVICE.get(reason, ""), reason)
