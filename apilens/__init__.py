"""How are our customers doing on our API, and who is in trouble?

 logs                                                                      terminal · JSON · CSV · Markdown · Parquet
  │                                                                                                ▲
sources → formats → enrich → store ═ EVENTS ═► engine ─► query ─► analyses ═ Result ═► render ─────┘

What stands left of a waist (═) knows nothing of what stands right of it: a new format, metric or output is one new file
and one name in a table. Importing this package costs nothing; its parts load what they need.
"""

__version__ = "0.1.0"
