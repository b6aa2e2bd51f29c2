"""PostgreSQL: makes its data the first time, and runs it on a Unix socket only.

Who may connect is decided by the kernel: the socket's peer must be the user the mesh runs as, who
is then the role it asks for: `sonica`, or `sonica_users`, which owns the schema `users` and can
reach nothing else. There is no password and no port.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from mesh.local import account as accounts
from mesh.local.account import Account
from mesh.local.child import Child, describe_exit
from mesh.local.errors import DataDirUnusableError, PartFailedError, ProgramMissingError
from mesh.local.guard import Guard
from mesh.local.layout import Layout
from mesh.local.logs import size, tail
from mesh.local.part import Layer, Part
from mesh.local.readiness import postgres_accepts

NAME = "postgres"
_ROLE = "sonica"
_USERS_ROLE = "sonica_users"
_DATABASE = "sonica"
_PORT = 5432
_INITDB_SECONDS = 120.0
# Statements of single-user mode end with the line.
# Said again after a start that was cut, so each may find its work done; one statement a line.
_MAKE_USERS_ROLE = "\n".join(
    (
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '" + _USERS_ROLE + "') "
        "THEN CREATE ROLE " + _USERS_ROLE + " LOGIN; END IF; END $$",
        "CREATE SCHEMA IF NOT EXISTS users AUTHORIZATION " + _USERS_ROLE,
        "",
    )
)
_VERSION_SECONDS = 10.0

# Durability is never traded; memory is: one service with a small pool is all there is.
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "40",
    "shared_buffers": "48MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "autovacuum_max_workers": "1",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    # One machine, no replicas: less to write for the same safety.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "min_wal_size": "32MB",
    "max_wal_size": "128MB",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
_MAJOR_MIN = 17


@dataclass(frozen=True)
class Postgres:
    """The local PostgreSQL of one data directory.

    Attributes:
        layout: of the data directory.
        bin_dir: folder of `initdb` and `postgres`.
        account: user it runs as; None is the current one.
        environment: of its processes.
    """

    layout: Layout
    bin_dir: Path
    account: Account | None
    environment: Mapping[str, str]

    @classmethod
    def of(cls, layout: Layout, bin_dir: Path, environment: Mapping[str, str]) -> Postgres:
        """Chooses the user to run as.

        Raises:
            DataDirUnusableError, ProgramMissingError: see `account.for_postgres`.
        """
        account = accounts.for_postgres((layout.data_dir, layout.socket_dir, bin_dir))
        return cls(layout, bin_dir, account, environment)

    @property
    def data(self) -> Path:
        """The cluster."""
        return self.layout.data_dir / "postgres"

    @property
    def socket_dir(self) -> Path:
        """Folder of the socket, owned by the account."""
        return self.layout.socket_dir / "postgres"

    @property
    def dsn(self) -> str:
        """What match_svc connects to."""
        return self._dsn(_ROLE)

    @property
    def users_dsn(self) -> str:
        """What user_svc connects to."""
        return self._dsn(_USERS_ROLE)

    def _dsn(self, role: str) -> str:
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql:///{_DATABASE}?host={host}&user={role}"

    def part(self) -> Part:
        """Returns the part; its `prepare` makes the data when there is none.

        Raises:
            ProgramMissingError: the programs do not run, or are older than PostgreSQL 17.
        """
        # Workers for input and output are new in 18, and three processes too many here.
        settings = _SETTINGS | ({"io_method": "sync"} if self._major() >= 18 else {})
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Part(
            name=NAME,
            command=(self.bin_dir / "postgres", "-D", self.data, "-k", self.socket_dir, *options),
            ready=postgres_accepts(self.data),
            address=f"{self.socket_dir}/.s.PGSQL.{_PORT}",
            environment=self.environment,
            layer=Layer.STORES,
            account=self.account,
            prepare=self.prepare,
            # "Fast": ends connections, writes a checkpoint, leaves nothing to recover.
            stop_signal=signal.SIGINT,
            stop_seconds=10.0,
        )

    async def prepare(self, guard: Guard) -> None:
        """Makes what is missing: the socket folder and, the first time, cluster and roles.

        Raises:
            DataDirUnusableError: the data is of another major version, or in use.
            PartFailedError: initdb failed.
        """
        self._make_folder(self.socket_dir)
        for stale in self.socket_dir.iterdir():
            stale.unlink()
        if not self.data.exists():
            await self._initialise(guard)
        made_by = (self.data / "PG_VERSION").read_text().strip()
        if made_by != str(self._major()):
            raise DataDirUnusableError(
                f"{self.data} was made by PostgreSQL {made_by}, "
                f"and {self.bin_dir} holds version {self._major()}",
                "Install the version that made the data, or choose another folder with --data.",
            )
        self._remove_stale_pid()
        if not self._has_users_role.exists():
            await self._make_users_role(guard)
        self._write_access_rules()

    def _major(self) -> int:
        try:
            answer = subprocess.run(
                [str(self.bin_dir / "postgres"), "--version"],
                capture_output=True,
                text=True,
                check=True,
                timeout=_VERSION_SECONDS,
                env=dict(self.environment),
            ).stdout
            major = int(answer.split()[2].split(".")[0])
        except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
            raise ProgramMissingError(f"cannot run {self.bin_dir}/postgres: {error}") from error
        if major < _MAJOR_MIN:
            raise ProgramMissingError(
                f"{self.bin_dir} holds PostgreSQL {major}; at least {_MAJOR_MIN} is needed"
            )
        return major

    async def _initialise(self, guard: Guard) -> None:
        """Makes the cluster beside its place, then moves it there: never half a cluster."""
        fresh = self.data.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        self._make_folder(fresh)
        await self._run(
            guard, "initdb", "-D", fresh, "--username", _ROLE, "--encoding", "UTF8",
            "--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8",
            "--auth", "peer", "--wal-segsize", "4", "--no-instructions",
        )  # fmt: skip
        await self._run_single(guard, fresh, "postgres", f"CREATE DATABASE {_DATABASE}\n")
        fresh.rename(self.data)

    @property
    def _has_users_role(self) -> Path:
        """A file beside the data, because only a running server can be asked for its roles."""
        return self.data / "has_users_role"

    async def _make_users_role(self, guard: Guard) -> None:
        """Makes the role of user_svc; one that is there, of a start that was cut, stays."""
        await self._run_single(guard, self.data, _DATABASE, _MAKE_USERS_ROLE)
        self._has_users_role.touch(mode=0o600)
        if self.account is not None:
            self.account.own(self._has_users_role)

    async def _run_single(self, guard: Guard, data: Path, database: str, sql: str) -> None:
        """Runs statements, one a line, without a server; the first that fails ends it.

        Raises:
            PartFailedError: a statement failed.
        """
        with tempfile.TemporaryFile() as statements:
            statements.write(sql.encode())
            statements.seek(0)
            await self._run(
                guard,
                "postgres",
                "--single",
                "-c",
                "exit_on_error=true",
                "-D",
                data,
                database,
                standard_input=statements,
            )

    def _make_folder(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.account is not None:
            self.account.own(folder)

    def _remove_stale_pid(self) -> None:
        """Removes the pid file of a killed server, whose number another process may have by now.

        Raises:
            DataDirUnusableError: a server works on the data that is not ours.
        """
        import psutil

        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return
        pid = int((pid_file.read_text().split() or ["0"])[0])
        try:
            working_on = psutil.Process(pid).cwd() if pid > 0 else None
        except psutil.Error:
            working_on = None
        if working_on is not None and Path(working_on) == self.data.resolve():
            raise DataDirUnusableError(
                f"another PostgreSQL, process {pid}, works on {self.data}",
                f"Stop it: kill -INT {pid}",
            )
        pid_file.unlink()

    def _write_access_rules(self) -> None:
        user = accounts.current_user_name()
        rules = {
            "pg_hba.conf": f"local all {_ROLE},{_USERS_ROLE} peer map=mesh\n",
            "pg_ident.conf": "".join(f'mesh "{user}" {role}\n' for role in (_ROLE, _USERS_ROLE)),
        }
        for name, text in rules.items():
            path = self.data / name
            path.write_text(text)
            path.chmod(0o600)
            if self.account is not None:
                self.account.own(path)

    async def _run(
        self,
        guard: Guard,
        program: str,
        *arguments: str | Path,
        standard_input: IO[bytes] | None = None,
    ) -> None:
        log = self.layout.log(NAME)
        since = size(log)
        child = Child.spawn(
            (self.bin_dir / program, *arguments),
            environment=self.environment,
            log=log,
            guard=guard,
            account=self.account,
            standard_input=standard_input,
        )
        try:
            if not await child.wait(_INITDB_SECONDS):
                raise PartFailedError(f"{program} did not end within {_INITDB_SECONDS:g} s")
        finally:
            child.kill()
        code = child.exit_code()
        if code:
            raise PartFailedError(f"{program} {describe_exit(code)}", tail(log, since))
