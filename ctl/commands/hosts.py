"""`meshctl hosts`."""

import click

from ctl import options


@click.command(short_help="Show the hosts of the mesh.")
@options.output_option("table", "wide", "yaml", "json", "name")
@options.store_options
def command(output: str, etcd: str, prefix: str) -> None:
    """Show the hosts of the mesh: live, stale (the lease ran out), or gone (left on purpose)."""
    import time

    from ctl.host_list import host_json, rows
    from ctl.output import print_object, show, table, talk
    from ctl.store import run
    from ctl.survey import look

    survey = run(options.StoreFlags(etcd, prefix), look)
    if survey.held:
        talk([f"meshctl: {survey.held}"])
    if output in ("json", "yaml"):
        print_object({"hosts": [host_json(host, survey.head, survey.revisions) for host in survey.hosts]}, output)
    elif output == "name":
        show(host.name for host in survey.hosts)
    elif not survey.hosts:
        talk(["no hosts yet: start `mesh-agent` on one"])
    else:
        header, *body = rows(survey.hosts, survey.head, wide=output == "wide", now=time.time())
        show(table(header, body))
