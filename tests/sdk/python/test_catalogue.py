import os

import catalogue


def test_the_sdks_do_with_the_catalogue_what_they_did_before(serve):
    hurried = serve("--scenario", "*", "--time-scale", "0").url
    unhurried = serve("--scenario", "*").url
    found = catalogue.outcomes(hurried, unhurried)
    if os.environ.get("MYNAH_BLESS") == "1":
        return catalogue.bless(found)
    known, changed = catalogue.known(), []
    for row, clients in found.items():
        for client, outcome in clients.items():
            before = known.get(row, {}).get(client)
            # What varies by nature is known by each of its forms.
            if outcome not in (before if isinstance(before, list) else [before]):
                changed.append(f"{row}, {client}: {outcome}; before: {before}")
    assert not changed, "changed, or never noted (scripts/catalogue):\n" + "\n".join(changed)
