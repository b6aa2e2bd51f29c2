"""Gives an account a role: `python -m user_svc.grant EMAIL free|premium|admin`.

For operators, who can reach the database anyway: it makes the first admin, and takes the role from
the last one, which no call of the API does.
"""

from __future__ import annotations

import asyncio
import sys

from mesh.runtime.errors import ServiceError
from mesh.runtime.serve import StartError
from user_svc.model import AuditAction, Role
from user_svc.settings import Settings
from user_svc.stores import accounts, audit
from user_svc.stores.migrate import migrate
from user_svc.stores.postgres import open_database

_PATIENCE_SECONDS = 5.0


async def grant(settings: Settings, email: str, role: Role) -> bool:
    """Stores the role of an account; returns False when no account has this address.

    Raises:
        StartError, StoreUnreachableError, StorageFullError.
    """
    url = settings.database_url.get_secret_value()
    seconds = settings.store_timeout_seconds
    async with open_database(url, 1, seconds, _PATIENCE_SECONDS) as database:
        await migrate(database)
        async with database.transaction("grant") as connection:
            login = await accounts.find_login(connection, email.lower())
            if login is None:
                return False
            user_id = login.account.user_id
            old = await accounts.set_role(connection, user_id, role)
            if old not in (None, role):
                await audit.record(
                    connection, AuditAction.ROLE_CHANGED, user_id=user_id, roles=(old, role)
                )
    return old is not None


def main() -> None:
    """Runs the command of `sys.argv`."""
    roles = {role.value.lower(): role for role in Role}
    arguments = sys.argv[1:]
    if len(arguments) != 2 or arguments[1] not in roles:
        sys.exit(f"usage: python -m user_svc.grant EMAIL {'|'.join(roles)}")
    email, role = arguments
    try:
        found = asyncio.run(grant(Settings(), email, roles[role]))
    except (StartError, ServiceError) as error:
        sys.exit(str(error))
    if not found:
        sys.exit(f"no account has the email {email}")
    print(f"{email} is {role} now")


if __name__ == "__main__":
    main()
