"""`packhouse recount`: the sums of usage against the records that they are made of."""

import typer

from packhouse.cli.ending import REFUSED, Ended
from packhouse.cli.flags import with_settings
from packhouse.cli.show import say, show_rows
from packhouse.settings import load
from packhouse.wiring.recount import recount_usage


@with_settings
def recount(
    *,
    resource: str = typer.Option(None, "--resource", help="One resource (res_…) instead of all."),
    check: bool = typer.Option(False, "--check", help="Only say whether they agree; ends with 1 where they do not."),
    flags: dict[str, str],
) -> None:
    """Count the sums of usage (by hour, day, and meter) anew from the records, and mend what differs.

    It may run beside gateways. Where all agree it changes nothing.
    """
    found = list(recount_usage(load(flags), resource, mend=not check))
    wrong = [one for _, differences in found for one in differences]
    if not wrong:
        say(f"The sums of {len(found):,} resources are what their records come to.")
        return
    show_rows(wrong)
    if check:
        raise Ended("Sums differ from the records. Without --check they are mended.", REFUSED)
    say("Mended; it is in the activity log of each resource.")
