"""Makes the OpenAPI 3.1 document of the REST face, and the page that shows it, of the contracts.

What is said of a route comes from the contracts alone: paths from `google.api.http`, limits from
`buf.validate`, words from the comments, access from the access option. Run by `make gen`.
"""
