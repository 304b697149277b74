"""What the demo says at its end: where the tokens went, and where to go next."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from packhouse.cli.demo_company import Api, DemoCompany


def consumption(console: Console, admin: Api, *, company: DemoCompany) -> None:
    """Used against limit, to the token; of the knowledge base the counts."""
    table = _table("Consumption of the running bundle month", "Resource", "Counted")
    for heading in ("Used", "Limit", "Refill"):
        table.add_column(heading, justify="right", no_wrap=True)
    for resource_id in (company.resources.text, company.resources.embeddings):
        name = admin.get(f"/resources/{resource_id}")["display_name"]
        running = admin.get(f"/resources/{resource_id}/consumption")
        for meter in running["meters"]:
            refill = running["month"]["end_at"][:10]
            table.add_row(name, f"{meter['meter']} tokens", f"{meter['used']:,}", f"{meter['limit']:,}", refill)
    _add_knowledge(table, admin, resource_id=company.resources.knowledge)
    console.print(table)


def _add_knowledge(table: Table, admin: Api, *, resource_id: str) -> None:
    name = admin.get(f"/resources/{resource_id}")["display_name"]
    days = admin.get(f"/resources/{resource_id}/consumption/days")["days"]
    for counted in ("searches", "chunks"):
        table.add_row(name, counted, f"{sum(day[counted] for day in days):,}", "", "")


def transactions(console: Console, admin: Api, *, company: DemoCompany) -> None:
    """Where the cloud tokens went."""
    table = _table("Cloud tokens", "Date", "Entry", "Subject", "Pack")
    table.add_column("Amount", justify="right", no_wrap=True)
    table.add_column("Left", justify="right", no_wrap=True)
    for line in admin.get(f"/companies/{company.company_id}/transactions")["transactions"]:
        subject = line["subject"] or line["subject_id"] or ""
        remaining = f"{line['remaining_cloud_tokens']:,}"
        amount = f"{line['cloud_tokens']:+,}"
        table.add_row(line["effective_at"][:10], line["kind"], subject, line["pack"] or "", amount, remaining)
    console.print(table)


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


def next_steps(console: Console, company: DemoCompany, *, gateway_url: str, control_url: str) -> None:
    """What works when pasted."""
    key = company.keys.all
    logins = company.logins
    lines: Sequence[str] = (
        "",
        "Packhouse stays up. Where to go next:",
        "",
        f"  Portal    {control_url}",
        f"            admin     {logins.admin.email}  {logins.admin.password}",
        f"            member    {logins.member.email}  {logins.member.password}",
        f"            operator  {logins.operator.email}  {logins.operator.password}",
        f"  Gateway   {gateway_url}/v1",
        f"  Key       {key}",
        "",
        "  With curl:",
        "",
        f"curl -s {gateway_url}/v1/chat/completions \\",
        f"  -H 'Authorization: Bearer {key}' \\",
        "  -H 'Content-Type: application/json' \\",
        '  -d \'{"messages": [{"role": "user", "content": "Say hello."}]}\'',
        "",
        "  With the openai client (pip install openai):",
        "",
        "from openai import OpenAI",
        f'client = OpenAI(base_url="{gateway_url}/v1", api_key="{key}")',
        "answer = client.chat.completions.create(",
        '    model="default",',
        '    messages=[{"role": "user", "content": "When does the gate of the depot open?"}],',
        '    extra_body={"packhouse": {"knowledge": [{"collection": "default"}]}},',
        ")",
        "print(answer.choices[0].message.content)",
        "",
        "  Stop it with Ctrl-C.",
    )
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
