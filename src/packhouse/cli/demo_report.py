"""What the demo says at its end: where the tokens went, and where to go next."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from packhouse.cli.demo_company import Api, DemoCompany


def consumption(console: Console, admin: Api, company: DemoCompany) -> None:
    """Used against limit, to the token."""
    table = Table("Resource", "Meter", title="Consumption of the running bundle month", title_justify="left")
    for heading in ("Used", "Limit", "Refill"):
        table.add_column(heading, justify="right")
    for resource_id in (company.resources.text, company.resources.embeddings):
        name = admin.get(f"/resources/{resource_id}")["display_name"]
        running = admin.get(f"/resources/{resource_id}/consumption")
        for meter in running["meters"]:
            refill = running["month"]["end_at"][:16].replace("T", " ")
            table.add_row(name, f"{meter['meter']} tokens", f"{meter['used']:,}", f"{meter['limit']:,}", refill)
    console.print(table)


def transactions(console: Console, admin: Api, company: DemoCompany) -> None:
    """Where the cloud tokens went."""
    table = Table("Date", "Transaction", "Subject", "Pack", title="Cloud tokens", title_justify="left")
    table.add_column("Cloud tokens", justify="right")
    table.add_column("Remaining", justify="right")
    for line in admin.get(f"/companies/{company.company_id}/transactions")["transactions"]:
        date = line["effective_at"][:16].replace("T", " ")
        subject = line["subject"] or line["subject_id"] or ""
        remaining = f"{line['remaining_cloud_tokens']:,}"
        table.add_row(date, line["kind"], subject, line["pack"] or "", f"{line['cloud_tokens']:+,}", remaining)
    console.print(table)


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
        '    messages=[{"role": "user", "content": "Say hello."}],',
        '    extra_body={"packhouse": {"knowledge": [{"collection": "default"}]}},',
        ")",
        "print(answer.choices[0].message.content)",
        "",
        "  Stop it with Ctrl-C.",
    )
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
