"""Snapshots as files: what was read is what was written, and nothing else is read."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evgi_client.certificates import Snapshot
from evgi_client.certificates.facts import Accredited, Fact, Registered, Withdrawn
from evgi_client.chain import Chain
from evgi_client.errors import EvgiError, SnapshotError
from evgi_client.messages.certificates import CertificateStatus, EntityType
from evgi_client.signing import LocalSigner
from tests.support.registries import Registries, found_registries, party


@pytest.fixture(scope="module")
def registries(chain: Chain, signers: list[LocalSigner]) -> Registries:
    """Two vehicles of one issuer, one of another; one revoked each way; an issuer that changed hands."""
    made = found_registries(chain, signers)
    publisher = made.revoking(made.publisher)
    publisher.open_statuses(0, 1)
    made.accredit_root(made.issuer)
    made.accredit_root(made.middle)
    status = {"status_publisher": made.publisher.address, "status_index": 9}
    one = made.register(**status)
    made.register(subject=party(2))
    made.register(made.middle, subject=party(3), issuer=made.middle.address)
    made.revoke(one.struct_hash(), made.now + 50)
    publisher.revoke_statuses([9, 11])
    made.change_owner(made.middle, made.other.address)
    made.withdraw(made.middle, made.other)
    return made


@pytest.fixture(scope="module")
def document(registries: Registries) -> Any:
    return json.loads(json.dumps(Snapshot.take(registries.contracts, registries.domain()).to_json()))


def test_it_says_what_it_is_of(registries: Registries, document: Any) -> None:
    chain = registries.chain
    read = Snapshot.from_json(document)
    assert (read.block, read.time) == (chain.head(), chain.timestamp_of(chain.head()))
    assert "0x" + read.block_hash.hex() == chain.block_hash(chain.head())
    assert read.domain == registries.domain()
    assert json.dumps(read.to_json()) == json.dumps(document)
    kinds = {each["fact"] for each in document["facts"]}
    assert kinds == {"Accredited", "Withdrawn", "Registered", "Revoked", "StatusesOpened", "StatusesRevoked",
                     "OwnerChanged"}  # fmt: skip


def test_it_may_be_of_some_subjects_only(registries: Registries) -> None:
    whole = Snapshot.take(registries.contracts, registries.domain())
    some = Snapshot.take(registries.contracts, registries.domain(), subjects=[party(1)])
    none = Snapshot.take(registries.contracts, registries.domain(), subjects=[party(99)])
    (certificate,) = some.world.certificates()
    known = certificate.struct_hash()
    for time in range(registries.now - 40, registries.now + 100, 7):
        assert some.world.status_at(known, time) == whole.world.status_at(known, time)
    assert some.world.status_at(known, registries.now) is CertificateStatus.REVOKED
    assert len(none.facts) < len(some.facts) < len(whole.facts)
    assert none.world.certificates() == []


def test_it_may_be_of_an_earlier_block(registries: Registries) -> None:
    early = Snapshot.take(registries.contracts, registries.domain(), block=2)
    assert (early.block, early.facts) == (2, ())


@pytest.mark.parametrize(
    "changes",
    [{"kind": "x"}, {"version": 2}, {"version": "1"}, {"more": 1}, {"block": -1}, {"block": True}, {"time": "1"},
     {"time": 2**64}, {"blockHash": "0x00"}, {"blockHash": "0x" + "G" * 64}, {"blockHash": 7}, {"facts": {}},
     {"domain": {}}, {"domain": None}],
)  # fmt: skip
def test_another_head_is_refused(document: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(SnapshotError):
        Snapshot.from_json({**document, **changes})


@pytest.mark.parametrize(
    "fact",
    [None, [], {}, {"fact": "Gossip"}, {"fact": ["Revoked"]}, {"fact": "Revoked"},
     {"fact": "Withdrawn", "anchor": party(1), "version": 1, "effectiveAt": "1", "more": 1},
     {"fact": "Withdrawn", "anchor": party(1).lower(), "version": 1, "effectiveAt": "1"},
     {"fact": "Withdrawn", "anchor": party(1), "version": 1, "effectiveAt": 1},
     {"fact": "Withdrawn", "anchor": party(1), "version": 1.0, "effectiveAt": "1"}],
)  # fmt: skip
def test_what_is_no_fact_is_refused(document: Any, fact: Any) -> None:
    with pytest.raises(SnapshotError) as refused:
        Snapshot.from_json({**document, "facts": [fact]})
    assert refused.value.path == "facts[0]"


def world_of(document: Any, *facts: Fact) -> Any:
    listed = [{"fact": each.TYPE, **each.to_json()} for each in facts]
    return Snapshot.from_json({**document, "facts": listed}).world


def test_facts_that_cannot_have_happened_are_refused(registries: Registries, document: Any) -> None:
    first = Accredited(party(1), party(2), 1, 4, 0, 100, 200)
    for facts in (
        [Accredited(party(1), party(2), 2, 4, 0, 100, 200)],
        [first, Accredited(party(1), party(2), 2, 4, 0, 99, 200)],
        [Withdrawn(party(1), 1, 100)],
        [first, Withdrawn(party(1), 2, 100)],
        [first, Accredited(party(1), party(2), 2, 4, 0, 150, 200), Withdrawn(party(1), 1, 50)],
        [Registered(registries.certificate(entity_type=0), 1)],
        [Registered(registries.certificate(entity_type=13), 1)],
    ):
        with pytest.raises(SnapshotError):
            world_of(document, *facts)


def test_anchors_that_accredit_each_other_are_nobodys(document: Any) -> None:
    """No chain lets it happen; a file may say so all the same."""
    ring = world_of(
        document,
        Accredited(party(1), party(2), 1, 4, 255, 100, 200),
        Accredited(party(2), party(1), 1, 4, 255, 100, 200),
    )
    assert ring.accredited_types_at(party(1), 150) == ()
    assert not ring.is_accredited_at(party(2), EntityType.VEHICLE, 150)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_of_a_snapshot_is_an_error_of_ours(document: Any, data: st.DataObject) -> None:
    changed = json.loads(json.dumps(document))
    place = data.draw(st.sampled_from([changed, changed["domain"], *changed["facts"]]))
    place[data.draw(st.sampled_from([*place, "x"]))] = data.draw(ANY | st.sampled_from([*changed.values()]))
    with suppress(EvgiError):
        read = Snapshot.from_json(changed)
        for certificate in read.world.certificates():
            read.world.status_at(certificate.struct_hash(), read.time)
