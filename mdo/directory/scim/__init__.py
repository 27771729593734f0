"""SCIM 2.0 (RFC 7643, 7644): a hospital's directory enters who joins and shuts out who leaves. Users only."""
