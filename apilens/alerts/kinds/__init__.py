"""Kinds of rules, one file each.

To add one, write a file with a struct that derives from `Rule`, whose fields are the keys of such a rule and whose
`judge` says where it held (see apilens.alerts.judging), and put it under its name in KINDS.
"""

from __future__ import annotations

from collections.abc import Mapping

from apilens.alerts.kinds.absence import AbsenceRule
from apilens.alerts.kinds.anomaly import AnomalyRule
from apilens.alerts.kinds.burn_rate import BurnRateRule
from apilens.alerts.kinds.condition import ConditionRule
from apilens.alerts.kinds.deprecated import DeprecatedRule
from apilens.alerts.kinds.funnel import FunnelRule
from apilens.alerts.kinds.new_value import NewValueRule
from apilens.alerts.rule import Rule

# The value of `kind:` → what such a rule says. The order is that of documentation.
KINDS: Mapping[str, type[Rule]] = {
    "condition": ConditionRule,
    "absence": AbsenceRule,
    "anomaly": AnomalyRule,
    "new_value": NewValueRule,
    "burn_rate": BurnRateRule,
    "deprecated": DeprecatedRule,
    "funnel": FunnelRule,
}
