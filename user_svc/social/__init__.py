"""Log-ins at other providers by OpenID Connect: authorisation code with PKCE, state and nonce.

A person there is known by issuer and subject (`identities`); an email address alone never opens an
account.
"""
