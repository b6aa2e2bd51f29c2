"""The four gRPC services: messages in, who calls, use case, messages out."""

from __future__ import annotations

from typing import Any

from sonica.user.v1 import account_service_pb2 as account_pb
from sonica.user.v1 import account_service_pb2_grpc as account_grpc
from sonica.user.v1 import api_key_service_pb2 as api_key_pb
from sonica.user.v1 import api_key_service_pb2_grpc as api_key_grpc
from sonica.user.v1 import audit_service_pb2 as audit_pb
from sonica.user.v1 import audit_service_pb2_grpc as audit_grpc
from sonica.user.v1 import session_service_pb2 as session_pb
from sonica.user.v1 import session_service_pb2_grpc as session_grpc

from user_svc import messages, pages
from user_svc.access import Access
from user_svc.accounts import Accounts
from user_svc.administration import Administration
from user_svc.api_keys import ApiKeys
from user_svc.audit_log import AuditLog
from user_svc.calls import address_of, caller_of
from user_svc.logins import Logins
from user_svc.model import AccountQuery, AuditQuery, Role, Scope
from user_svc.rate_limits import RateLimits
from user_svc.sizes import fitting
from user_svc.social.flows import Flows
from user_svc.social.identities import Identities

_PAGE_DEFAULT = 50
_KEYS_PAGE_MAX, _EVENTS_PAGE_MAX, _ACCOUNTS_PAGE_MAX = 100, 1000, 1000


class AccountServicer(account_grpc.AccountServiceServicer):
    """`sonica.user.v1.AccountService`."""

    def __init__(
        self,
        access: Access,
        accounts: Accounts,
        administration: Administration,
        rate_limits: RateLimits,
    ) -> None:
        self._access = access
        self._accounts = accounts
        self._administration = administration
        self._rate_limits = rate_limits

    async def Register(
        self, request: account_pb.RegisterRequest, _context: Any
    ) -> account_pb.RegisterResponse:
        """Makes an account."""
        account = await self._accounts.register(
            request.email,
            request.password,
            request.display_name,
            messages.request_id_from(request.request_id),
        )
        return account_pb.RegisterResponse(account=messages.account_to(account))

    async def GetAccount(
        self, request: account_pb.GetAccountRequest, context: Any
    ) -> account_pb.GetAccountResponse:
        """Returns one account."""
        caller = await caller_of(self._access, context, Scope.ACCOUNT_READ)
        user_id = await self._access.own_or_admin(caller, messages.user_from(request.name))
        account = await self._accounts.get(user_id)
        return account_pb.GetAccountResponse(account=messages.account_to(account))

    async def UpdateAccount(
        self, request: account_pb.UpdateAccountRequest, context: Any
    ) -> account_pb.UpdateAccountResponse:
        """Changes the caller's account."""
        caller = await caller_of(self._access, context)
        user_id = await self._access.own(caller, messages.user_from(request.account.name))
        account = await self._accounts.update(user_id, messages.changes_from(request))
        return account_pb.UpdateAccountResponse(account=messages.account_to(account))

    async def ChangePassword(
        self, request: account_pb.ChangePasswordRequest, context: Any
    ) -> account_pb.ChangePasswordResponse:
        """Changes the caller's password."""
        caller = await caller_of(self._access, context)
        await self._access.own(caller, messages.user_from(request.name))
        proof = messages.proof_from(request, request.current_password)
        await self._accounts.change_password(
            caller, address_of(context), proof, request.new_password
        )
        return account_pb.ChangePasswordResponse()

    async def GetUsage(
        self, request: account_pb.GetUsageRequest, context: Any
    ) -> account_pb.GetUsageResponse:
        """Returns the limits of the caller's account and what is left of them."""
        caller = await caller_of(self._access, context, Scope.ACCOUNT_READ)
        await self._access.own(caller, messages.user_from(request.name))
        usage = await self._rate_limits.usage(caller)
        return account_pb.GetUsageResponse(usage=messages.usage_to(caller.user_id, usage))

    async def ListAccounts(
        self, request: account_pb.ListAccountsRequest, context: Any
    ) -> account_pb.ListAccountsResponse:
        """Lists accounts, for admins."""
        caller = await caller_of(self._access, context)
        await self._access.admin(caller)
        size = min(request.page_size or _PAGE_DEFAULT, _ACCOUNTS_PAGE_MAX)
        # No address has a NUL, and PostgreSQL takes none.
        prefix = request.email_prefix.replace("\0", " ")
        query = AccountQuery(prefix, messages.role_from(request.role))
        before = pages.start(request.page_token, "accounts", query)
        numbered = await self._administration.page(query, before, size + 1)
        found = [messages.account_to(account) for _, account in numbered]
        count = fitting(found, size)
        more = count < len(found)
        return account_pb.ListAccountsResponse(
            accounts=found[:count],
            next_page_token=pages.token(numbered[count - 1][0], "accounts", query) if more else "",
        )

    async def SetRole(
        self, request: account_pb.SetRoleRequest, context: Any
    ) -> account_pb.SetRoleResponse:
        """Gives an account a role, for admins."""
        caller = await caller_of(self._access, context)
        await self._access.admin(caller)
        user_id = messages.user_from(request.name) or caller.user_id
        role = messages.role_from(request.role) or Role.FREE
        account = await self._administration.set_role(caller, user_id, role)
        return account_pb.SetRoleResponse(account=messages.account_to(account))


class SessionServicer(session_grpc.SessionServiceServicer):
    """`sonica.user.v1.SessionService`."""

    def __init__(
        self, access: Access, logins: Logins, flows: Flows, identities: Identities
    ) -> None:
        self._access = access
        self._logins = logins
        self._flows = flows
        self._identities = identities

    async def LogIn(
        self, request: session_pb.LogInRequest, context: Any
    ) -> session_pb.LogInResponse:
        """Begins a session."""
        user_id, tokens = await self._logins.log_in(
            request.email, request.password, address_of(context)
        )
        return session_pb.LogInResponse(
            name=messages.user_name(user_id), tokens=messages.tokens_to(tokens)
        )

    async def BeginSocialLogIn(
        self, request: session_pb.BeginSocialLogInRequest, context: Any
    ) -> session_pb.BeginSocialLogInResponse:
        """Begins a log-in at another provider."""
        url, flow, expire_time = await self._flows.begin(
            request.provider, request.redirect_uri, address_of(context)
        )
        return session_pb.BeginSocialLogInResponse(
            authorization_url=url,
            state=flow.state,
            flow_token=flow.flow_token,
            expire_time=messages.time_to(expire_time),
        )

    async def CompleteSocialLogIn(
        self, request: session_pb.CompleteSocialLogInRequest, _context: Any
    ) -> session_pb.CompleteSocialLogInResponse:
        """Begins a session of whoever came back from a provider."""
        user_id, tokens, registered = await self._identities.log_in(
            request.state, request.code, request.flow_token
        )
        return session_pb.CompleteSocialLogInResponse(
            name=messages.user_name(user_id),
            tokens=messages.tokens_to(tokens),
            registered=registered,
        )

    async def Refresh(
        self, request: session_pb.RefreshRequest, _context: Any
    ) -> session_pb.RefreshResponse:
        """Gives a session its next tokens."""
        tokens = await self._logins.refresh(request.refresh_token)
        return session_pb.RefreshResponse(tokens=messages.tokens_to(tokens))

    async def LogOut(
        self, _request: session_pb.LogOutRequest, context: Any
    ) -> session_pb.LogOutResponse:
        """Ends the session of the call."""
        caller = await caller_of(self._access, context)
        await self._access.own(caller, None)
        await self._logins.log_out(caller)
        return session_pb.LogOutResponse()

    async def LogOutEverywhere(
        self, request: session_pb.LogOutEverywhereRequest, context: Any
    ) -> session_pb.LogOutEverywhereResponse:
        """Ends all sessions of an account."""
        caller = await caller_of(self._access, context)
        user_id = await self._access.own_or_admin(caller, messages.user_from(request.name))
        count = await self._logins.log_out_everywhere(caller, user_id)
        return session_pb.LogOutEverywhereResponse(session_count=count)


class ApiKeyServicer(api_key_grpc.ApiKeyServiceServicer):
    """`sonica.user.v1.ApiKeyService`."""

    def __init__(self, access: Access, api_keys: ApiKeys) -> None:
        self._access = access
        self._api_keys = api_keys

    async def CreateApiKey(
        self, request: api_key_pb.CreateApiKeyRequest, context: Any
    ) -> api_key_pb.CreateApiKeyResponse:
        """Makes a key."""
        caller = await caller_of(self._access, context)
        key, secret = await self._api_keys.create(
            await self._access.own(caller, messages.user_from(request.parent)),
            request.display_name,
            messages.scopes_from(request.scopes),
            messages.time_from(request, "expire_time"),
            messages.request_id_from(request.request_id),
            request.daily_recognition_limit,
        )
        return api_key_pb.CreateApiKeyResponse(
            api_key=messages.api_key_to(key), key_text=secret.text
        )

    async def ListApiKeys(
        self, request: api_key_pb.ListApiKeysRequest, context: Any
    ) -> api_key_pb.ListApiKeysResponse:
        """Lists the keys of an account."""
        caller = await caller_of(self._access, context)
        user_id = await self._access.own_or_admin(caller, messages.user_from(request.parent))
        size = min(request.page_size or _PAGE_DEFAULT, _KEYS_PAGE_MAX)
        before = pages.start(request.page_token, "keys", user_id)
        # One more than wanted tells whether there is a next page.
        keys = await self._api_keys.page(user_id, before, size + 1)
        more = len(keys) > size
        return api_key_pb.ListApiKeysResponse(
            api_keys=[messages.api_key_to(key) for key in keys[:size]],
            next_page_token=pages.token(keys[size - 1].key_number, "keys", user_id) if more else "",
        )

    async def RotateApiKey(
        self, request: api_key_pb.RotateApiKeyRequest, context: Any
    ) -> api_key_pb.RotateApiKeyResponse:
        """Gives a key a new secret."""
        caller = await caller_of(self._access, context)
        user, key_id = messages.key_from(request.name)
        key, secret = await self._api_keys.rotate(await self._access.own(caller, user), key_id)
        return api_key_pb.RotateApiKeyResponse(
            api_key=messages.api_key_to(key), key_text=secret.text
        )

    async def RevokeApiKey(
        self, request: api_key_pb.RevokeApiKeyRequest, context: Any
    ) -> api_key_pb.RevokeApiKeyResponse:
        """Ends a key."""
        caller = await caller_of(self._access, context)
        user, key_id = messages.key_from(request.name)
        user_id = await self._access.own_or_admin(caller, user)
        key = await self._api_keys.revoke(caller, user_id, key_id)
        return api_key_pb.RevokeApiKeyResponse(api_key=messages.api_key_to(key))


class AuditServicer(audit_grpc.AuditServiceServicer):
    """`sonica.user.v1.AuditService`."""

    def __init__(self, access: Access, log: AuditLog) -> None:
        self._access = access
        self._log = log

    async def ListAuditEvents(
        self, request: audit_pb.ListAuditEventsRequest, context: Any
    ) -> audit_pb.ListAuditEventsResponse:
        """Lists events, for admins."""
        caller = await caller_of(self._access, context)
        await self._access.admin(caller)
        size = min(request.page_size or _PAGE_DEFAULT, _EVENTS_PAGE_MAX)
        query = AuditQuery(
            (messages.user_from(request.user) or caller.user_id) if request.user else None,
            messages.actions_from(request.actions),
            messages.time_from(request, "start_time"),
            messages.time_from(request, "end_time"),
        )
        before = pages.start(request.page_token, "events", query)
        events = await self._log.page(query, before, size + 1)
        more = len(events) > size
        last = events[size - 1].event_number if more else 0
        return audit_pb.ListAuditEventsResponse(
            events=[messages.event_to(event) for event in events[:size]],
            next_page_token=pages.token(last, "events", query) if more else "",
        )
