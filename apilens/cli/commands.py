"""COMMANDS: every command, the question that it answers, and where it is."""

from __future__ import annotations

from collections.abc import Mapping

# What `--help` lists the commands under, in this order: the questions that they answer.
GROUPS = ("Get data in", "Who is in trouble", "Why", "Lifecycle", "Alerts", "Store and settings")
# Name → module:attribute, the group, and what `--help` says of it. The order is that of `--help` within a group.
COMMANDS: Mapping[str, tuple[str, str, str]] = {
    "demo": (
        "apilens.cli.demo:demo", "Get data in",
        "Make a made-up API's logs with problems planted in them, and report on them.",
    ),
    "init": (
        "apilens.cli.init:init", "Get data in",
        "Look at your logs and write an apilens.yaml that fits them.",
    ),
    "ingest": (
        "apilens.cli.ingest:ingest", "Get data in",
        "Read logs into the store, every line once; --follow goes on.",
    ),
    "formats": (
        "apilens.cli.formats:formats", "Get data in",
        "What can be read, and how a given log would be.",
    ),
    "convert": (
        "apilens.cli.convert:convert", "Get data in",
        "Write the events of logs to a Parquet, JSONL or CSV file.",
    ),
    "attribution": (
        "apilens.cli.attribution:attribution", "Get data in",
        "Which rules find the accounts, and what has none.",
    ),
    "cron": (
        "apilens.cli.cron:cron", "Get data in",
        "What runs ingest by itself: lines for a crontab, or systemd units.",
    ),
    "today": (
        "apilens.cli.today:today", "Who is in trouble",
        "What stands out among all customers since yesterday, worst first.",
    ),
    "report": (
        "apilens.cli.report:report", "Who is in trouble",
        "Any metric by any dimension: accounts, endpoints, status, hours …",
    ),
    "accounts": (
        "apilens.cli.accounts:accounts", "Who is in trouble",
        "The customers: plan, traffic, errors, first and last request.",
    ),
    "account": (
        "apilens.cli.account:account", "Who is in trouble",
        "One customer on one page; --share for a support ticket.",
    ),
    "concentration": (
        "apilens.cli.concentration:concentration", "Who is in trouble",
        "Who causes each error, and how few accounts it is.",
    ),
    "heatmap": (
        "apilens.cli.heatmap:heatmap", "Who is in trouble",
        "Two dimensions against each other, a number in each cell, in colour.",
    ),
    "outliers": (
        "apilens.cli.outliers:outliers", "Who is in trouble",
        "Accounts far from their peers: requests, sizes, tokens, any metric.",
    ),
    "events": (
        "apilens.cli.events:events", "Why",
        "The raw requests behind a number, the newest first.",
    ),
    "latency": (
        "apilens.cli.latency:latency", "Why",
        "Who waits longer than the others, and what goes with it.",
    ),
    "compare": (
        "apilens.cli.compare:compare", "Why",
        "What differs between two logs, windows or stores; --fail-on for CI.",
    ),
    "mark": (
        "apilens.cli.mark:mark", "Why",
        "Name a moment, such as a deploy, for report --compare mark:NAME.",
    ),
    "sessions": (
        "apilens.cli.sessions:sessions", "Why",
        "How long accounts are at it, how it goes, where they come in.",
    ),
    "workflows": (
        "apilens.cli.workflows:workflows", "Why",
        "In which order endpoints are called, and who does it otherwise.",
    ),
    "endpoints": (
        "apilens.cli.endpoints:endpoints", "Why",
        "What is called of the API, documented or not; --unused, --why.",
    ),
    "sql": (
        "apilens.cli.sql:sql", "Why",
        "Your own SELECT over the events.",
    ),
    "onboarding": (
        "apilens.cli.onboarding:onboarding", "Lifecycle",
        "How new accounts get going, and who does not.",
    ),
    "funnel": (
        "apilens.cli.funnel:funnel", "Lifecycle",
        "How many accounts get from step to step, and where the others stop.",
    ),
    "retention": (
        "apilens.cli.retention:retention", "Lifecycle",
        "Who comes back: cohorts by day, week or month, and their curve.",
    ),
    "cohorts": (
        "apilens.cli.cohorts:cohorts", "Lifecycle",
        "Saved sets of accounts: who is in them, who entered, who left.",
    ),
    "deprecated": (
        "apilens.cli.deprecated:deprecated", "Lifecycle",
        "Who still uses what is to go, and who is at risk.",
    ),
    "safe-to-remove": (
        "apilens.cli.safe_to_remove:safe_to_remove", "Lifecycle",
        "Who would break if something of the API went.",
    ),
    "webhooks": (
        "apilens.cli.webhooks:webhooks", "Lifecycle",
        "What was sent to accounts, after how many attempts it arrived.",
    ),
    "check": (
        "apilens.cli.check:check", "Alerts",
        "Alert rules, for cron and CI: what fires, who is told.",
    ),
    "alerts": (
        "apilens.cli.alerts:alerts", "Alerts",
        "What `check` told of, what is over, and what to be silent about.",
    ),
    "rules": (
        "apilens.cli.rules:rules", "Alerts",
        "Look at alert rules, test them, try them on the past.",
    ),
    "notify": (
        "apilens.cli.notify:notify", "Alerts",
        "Try the channels that alerts go to.",
    ),
    "export": (
        "apilens.cli.export:export", "Alerts",
        "Write numbers for other systems: Prometheus.",
    ),
    "store": (
        "apilens.cli.store:store", "Store and settings",
        "Look at the store, look after it: info, verify, compact, rebuild, forget.",
    ),
    "config": (
        "apilens.cli.config:config", "Store and settings",
        "The settings in force and where they come from; their JSON Schema.",
    ),
    "doctor": (
        "apilens.cli.doctor:doctor", "Store and settings",
        "Whether settings, store and logs are as they should be.",
    ),
    "redact": (
        "apilens.cli.redact:redact", "Store and settings",
        "What is hidden of a log; what a store should not hold.",
    ),
    "key-id": (
        "apilens.cli.key_id:key_id", "Store and settings",
        "What the store calls an API key: keys on stdin, k_… on stdout.",
    ),
    "completion": (
        "apilens.cli.completion:completion", "Store and settings",
        "Teach a shell to complete commands, accounts and endpoints.",
    ),
}  # fmt: skip
