"""How the file of `accounts:` says what an account may use: the metric `quota_use` reads these columns."""

QUOTAS = ("account.quota_per_day", "account.quota_per_month")
