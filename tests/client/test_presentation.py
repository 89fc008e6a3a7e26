"""Showing certificates to one verifier, once; and what a verifier says of them, by a chain and by a snapshot of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evgi_client.certificates.credential import EntityCredential, StatusIndex, draft, sign, signed
from evgi_client.certificates.documents import canonical
from evgi_client.certificates.online import RegistryFacts
from evgi_client.certificates.ownership import NOBODY
from evgi_client.certificates.presentation import CLOCK_SKEW, Presentation, present
from evgi_client.certificates.request import PresentationRequest, Wanted
from evgi_client.certificates.snapshot import Snapshot
from evgi_client.certificates.verify import Check, verify
from evgi_client.chain import Chain
from evgi_client.errors import (
    CertificateDocumentError,
    CertificateError,
    ChallengeMismatchError,
    ClaimsMissingError,
    DelegateUnknownError,
    EvgiError,
    PresentationExpiredError,
    PresentationSubjectError,
    SigningError,
)
from evgi_client.identity import SIG_AUTH, word_of
from evgi_client.messages.certificates import CertificateStatus, EntityType, entity_type_mask
from evgi_client.signing import LocalSigner
from tests.support.credentials import CLAIMS
from tests.support.registries import YEAR, Registries, found_registries

DAY = 86_400
VEHICLE = EntityType.VEHICLE


@dataclass
class World:
    """A vehicle with a certificate of ``issuer``. Above that are ``middle``, ``root`` and governance."""

    registries: Registries
    vehicle: LocalSigner
    owner: LocalSigner
    credential: EntityCredential

    @property
    def now(self) -> int:
        return self.registries.now

    @property
    def online(self) -> RegistryFacts:
        return RegistryFacts(self.registries.contracts)

    def snapshot(self) -> Snapshot:
        return Snapshot.take(self.registries.contracts, self.registries.domain())

    def issue(self, by: LocalSigner, **changes: Any) -> EntityCredential:
        """A registered certificate of the vehicle."""
        made = self.unregistered(by, **changes)
        self.registries.bring(made.certificate, signature=made.signature)
        return made

    def unregistered(self, by: LocalSigner, **changes: Any) -> EntityCredential:
        arguments: dict[str, Any] = {
            "subject": self.vehicle.address,
            "issuer": by.address,
            "values": CLAIMS[VEHICLE],
            "domain": self.registries.domain(),
            "valid_from": self.now,
            "valid_until": self.now + YEAR,
        }
        return sign(draft(VEHICLE, **(arguments | changes)), by)

    def verdicts(self, credential: EntityCredential, time: int) -> Any:
        """By the chain, which must be that of a snapshot too."""
        domain = self.registries.domain()
        online = verify(credential, self.online, domain, time, self.registries.chain.is_valid_signature)
        offline = verify(credential, self.snapshot().world, domain, time)
        assert online == offline
        return online


def request_for(world: World, *claims: str, **changes: Any) -> PresentationRequest:
    arguments: dict[str, Any] = {"wanted": [Wanted(VEHICLE, claims)], "expires_at": world.now + 600}
    return PresentationRequest.create("https://host.example", **(arguments | changes))


@pytest.fixture(scope="module")
def founded(chain: Chain, signers: list[LocalSigner]) -> World:
    registries = found_registries(chain, signers)
    registries.revoking(registries.publisher).open_statuses(0, 1)
    types = entity_type_mask(EntityType.VEHICLE, EntityType.BATTERY)
    registries.accredit_root(registries.root, types, 2)
    registries.accredit(anchor=registries.middle.address, entity_types=types, depth=1)
    registries.accredit(registries.middle)
    vehicle, owner = registries.other, registries.keeper
    registries.change_owner(vehicle, owner.address)
    world = World(registries, vehicle, owner, None)  # type: ignore[arg-type]
    status = StatusIndex(registries.publisher.address, 77)
    return replace(world, credential=world.issue(registries.issuer, status=status))


@pytest.fixture
def world(founded: World) -> Iterator[World]:
    snapshot = founded.registries.chain.snapshot()
    yield founded
    founded.registries.chain.revert_to(snapshot)


# What a verifier says of a certificate


def test_the_chain_of_reasons_goes_up_to_governance(world: World) -> None:
    verdict = world.verdicts(world.credential, world.now)
    assert (verdict.valid, verdict.reason) == (True, "VALID")
    checks = [step.check for step in verdict.steps]
    assert checks == [*list(Check)[:-1], *[Check.ACCREDITATION] * 3]
    anchors = [world.registries.issuer, world.registries.middle, world.registries.root]
    for step, anchor, above in zip(verdict.steps[-3:], anchors, [*anchors[1:], None], strict=True):
        by = "governance" if above is None else above.address
        assert step.finding.startswith(f"{anchor.address} was accredited by {by} from 2025-")
    first, *lines = verdict.lines()
    assert first.startswith("VALID  certificate 0x")
    assert all(line.startswith("  ok  ") for line in lines)
    document = json.loads(json.dumps(verdict.to_json()))
    assert (document["valid"], len(document["steps"])) == (True, 8)


def failing(verdict: Any) -> list[Check]:
    return [step.check for step in verdict.steps if step.good is False]


def test_each_reason_is_found_where_it_is(world: World) -> None:
    registries, credential = world.registries, world.credential
    begins = credential.certificate.valid_from
    late = world.issue(registries.issuer, valid_from=world.now + DAY)
    for verdict, status, checks in (
        (world.verdicts(late, world.now), CertificateStatus.NOT_YET_VALID, [Check.VALIDITY]),
        (
            world.verdicts(credential, begins - 1),
            CertificateStatus.UNKNOWN,
            [Check.REGISTRATION, Check.VALIDITY],
        ),
    ):
        assert (verdict.status, failing(verdict)[: len(checks)]) == (status, checks)
    short = world.issue(registries.issuer, valid_until=world.now + 10)
    expired = world.verdicts(short, world.now + 20)
    assert (expired.status, failing(expired)) == (CertificateStatus.EXPIRED, [Check.VALIDITY])
    unknown = world.verdicts(world.unregistered(registries.issuer), world.now)
    assert (unknown.reason, failing(unknown)) == ("UNKNOWN", [Check.REGISTRATION])


def test_a_revocation_is_found_from_when_it_holds(world: World) -> None:
    registries = world.registries
    one, other = world.credential, world.issue(registries.issuer)
    at = world.now + DAY
    registries.revoke(other.hash, at)
    registries.revoking(registries.publisher).revoke_statuses([77], at)
    for credential, check in ((one, Check.STATUS_LIST), (other, Check.REVOCATION)):
        assert world.verdicts(credential, at - 1).valid
        revoked = world.verdicts(credential, at)
        assert (revoked.reason, failing(revoked)) == ("REVOKED", [check])


def test_an_anchor_that_falls_takes_those_below_it_along(world: World) -> None:
    registries = world.registries
    before = world.now
    registries.chain.advance_to(before + 100)
    registries.withdraw(registries.middle, registries.root)
    assert world.verdicts(world.credential, before).valid
    verdict = world.verdicts(world.credential, world.now)
    assert (verdict.reason, failing(verdict)) == ("ISSUER_NOT_ACCREDITED", [Check.ACCREDITATION])
    assert verdict.steps[-1].finding == f"{registries.middle.address} was not accredited"
    # It comes back for one type only, with less depth.
    registries.chain.advance_to(world.now + 10)
    registries.accredit(
        anchor=registries.middle.address, entity_types=entity_type_mask(EntityType.BATTERY), depth=0
    )
    verdict = world.verdicts(world.credential, world.now)
    assert [step.good for step in verdict.steps[-3:]] == [True, False, True]
    assert verdict.steps[-2].finding.endswith("not for the type Vehicle")
    registries.chain.advance_to(world.now + 10)
    registries.accredit(anchor=registries.middle.address, depth=0)
    verdict = world.verdicts(world.credential, world.now)
    assert "with at most 0 anchors below it" in verdict.steps[-1].finding
    assert verdict.reason == "ISSUER_NOT_ACCREDITED"


def test_a_proof_is_judged_by_who_owned_the_issuer_when_it_was_registered(world: World) -> None:
    registries = world.registries
    before = world.credential
    registries.change_owner(registries.issuer, registries.stranger.address)
    assert world.verdicts(before, world.now).valid
    after = signed(world.unregistered(registries.issuer), bytes(65))
    signature = registries.stranger.sign_digest(after.certificate.digest(after.domain)).to_bytes()
    after = signed(after, signature)
    registries.bring(after.certificate, signature=signature)
    assert world.verdicts(after, world.now).valid
    old_key = sign(after, registries.issuer)
    verdict = world.verdicts(old_key, world.now)
    assert (verdict.status, verdict.valid, verdict.reason) == (
        CertificateStatus.VALID,
        False,
        "PROOF_INVALID",
    )
    assert failing(verdict) == [Check.PROOF]


def test_a_contract_account_signs_too(world: World) -> None:
    """A snapshot cannot ask it, and says so; the chain took the signature when the certificate was registered."""
    registries = world.registries
    registries.change_owner(registries.issuer, registries.account.address)
    made = signed(world.unregistered(registries.issuer), bytes(65))
    digest = made.certificate.digest(made.domain)
    made = signed(made, registries.keeper.sign_digest(digest).to_bytes())
    registries.bring(made.certificate, signature=made.signature)
    domain, accepts = registries.domain(), registries.chain.is_valid_signature
    online = verify(made, world.online, domain, world.now, accepts)
    assert (online.valid, online.steps[0].good) == (True, True)
    offline = verify(made, world.snapshot().world, domain, world.now)
    assert (offline.valid, offline.steps[0].good) == (True, None)
    assert "??" in offline.lines()[1]


def test_a_time_outside_the_calendar_has_an_answer_too(world: World) -> None:
    verdict = world.verdicts(world.credential, 2**64 - 1)
    assert (verdict.reason, str(2**64 - 1) in verdict.lines()[0]) == ("EXPIRED", True)


def test_nobody_shows_anything_for_who_is_deactivated(world: World) -> None:
    request = request_for(world, "make")
    shown = answer(world, request, signer=world.owner, delegate=True)
    assert accepted(world, shown, request), "an owner acts for its identity"
    world.registries.change_owner(world.vehicle, NOBODY, world.owner)
    with pytest.raises(DelegateUnknownError):
        accepted(world, shown, request)
    with pytest.raises(SigningError):
        accepted(world, answer(world, request), request)


def test_a_document_of_another_chain_or_registry_is_refused(world: World) -> None:
    for changes in (
        {"chain_id": 1},
        {"verifying_contract": world.registries.revocations.address},
        {"name": "X"},
    ):
        other = world.registries.domain(**changes)
        with pytest.raises(CertificateDocumentError) as refused:
            verify(world.credential, world.online, other, world.now)
        assert refused.value.path == "/proof/eip712/domain"


# What a holder shows


def test_a_holder_shows_what_was_asked_for_and_no_more(world: World) -> None:
    request = request_for(world, "make", "batteryCapacityWh")
    chosen = request.choose([world.credential], world.now)
    shown = present(chosen, request, world.owner, created_at=world.now)
    document = json.loads(json.dumps(shown.to_json()))
    assert document["type"] == ["VerifiablePresentation"]
    assert document["holder"] == f"did:ethr:0x{world.registries.chain.chain_id:x}:{world.vehicle.address}"
    assert "1M8GDM9AXKP042788" not in json.dumps(document)
    read = Presentation.from_json(document)
    assert read == shown
    assert read.credentials[0].values() == {"batteryCapacityWh": 77_000, "make": "Motor Coach"}
    for facts in (world.online, world.snapshot().world):
        (verdict,) = read.verify(request, facts, world.registries.domain(), world.now)
        assert verdict.valid


def answer(world: World, request: PresentationRequest, **changes: Any) -> Presentation:
    chosen = request.choose([world.credential], world.now)
    return present(chosen, request, **({"signer": world.owner, "created_at": world.now} | changes))


def accepted(world: World, shown: Presentation, request: PresentationRequest, now: int | None = None) -> bool:
    facts, domain = world.snapshot().world, world.registries.domain()
    return all(each.valid for each in shown.verify(request, facts, domain, world.now if now is None else now))


def test_an_answer_is_of_no_use_for_another_request(world: World) -> None:
    request = request_for(world, "make")
    shown = answer(world, request)
    assert accepted(world, shown, request)
    with pytest.raises(ChallengeMismatchError) as refused:
        accepted(world, shown, request_for(world, "make"))
    assert refused.value.field == "challenge"
    with pytest.raises(ChallengeMismatchError) as refused:
        accepted(world, shown, replace(request, audience="https://other.example"))
    assert refused.value.field == "audience"
    # Nor does another challenge under the old signature.
    moved = replace(shown, message=replace(shown.message, challenge=bytes(32)))
    with pytest.raises(SigningError):
        accepted(world, moved, replace(request, challenge=bytes(32)))


def test_an_answer_has_its_time(world: World) -> None:
    request = request_for(world, "make")
    shown = answer(world, request, expires_at=world.now + 60)
    assert accepted(world, shown, request, world.now + 59)
    for now, what in ((world.now + 60, "presentation expired"), (world.now + 600, "request expired")):
        with pytest.raises(PresentationExpiredError, match=what):
            accepted(world, shown, request, now)
    early = answer(world, request, created_at=world.now + CLOCK_SKEW + 1)
    with pytest.raises(PresentationExpiredError, match="was made"):
        accepted(world, early, request)


def test_only_who_acts_for_the_holder_presents(world: World) -> None:
    request = request_for(world, "make")
    delegate = world.registries.stranger
    for signer in (world.vehicle, delegate):
        with pytest.raises(SigningError):
            accepted(world, answer(world, request, signer=signer), request)
    shown = answer(world, request, signer=delegate, delegate=True)
    with pytest.raises(DelegateUnknownError):
        accepted(world, shown, request)
    appoint = (world.vehicle.address, word_of(SIG_AUTH), delegate.address, 100)
    world.registries.dids.transact("addDelegate", *appoint, signer=world.owner)
    assert accepted(world, shown, request)
    assert accepted(world, Presentation.from_json(shown.to_json()), request)
    with pytest.raises(DelegateUnknownError):
        accepted(world, shown, request, world.now + 100)
    # Sold: neither the seller nor the seller's delegate shows anything any more.
    world.registries.change_owner(world.vehicle, world.registries.governance.address, world.owner)
    with pytest.raises(DelegateUnknownError):
        accepted(world, shown, request)
    with pytest.raises(SigningError):
        accepted(world, answer(world, request), request)
    assert accepted(world, answer(world, request, signer=world.registries.governance), request)


def test_what_is_missing_is_named(world: World) -> None:
    request = request_for(world, "make", "modelYear")
    with pytest.raises(ClaimsMissingError) as refused:
        request.choose([world.credential], world.now)
    assert (refused.value.entity_type, refused.value.claims) == ("Vehicle", ("make", "modelYear"))
    with pytest.raises(ClaimsMissingError):
        request_for(world).choose([], world.now)
    with pytest.raises(ClaimsMissingError):
        present([], request_for(world), world.owner, created_at=world.now)
    # And where a holder signs less than was asked for.
    wanted = request_for(world, "make")
    shown = answer(world, replace(wanted, wanted=(Wanted(VEHICLE, ("vin",)),)))
    with pytest.raises(ClaimsMissingError):
        accepted(world, shown, wanted)


def test_certificates_of_others_are_not_shown(world: World) -> None:
    other = world.unregistered(world.registries.issuer, subject=world.registries.middle.address)
    request = request_for(world, "make")
    with pytest.raises(PresentationSubjectError):
        present([world.credential, other], request, world.owner, created_at=world.now)


def test_of_several_certificates_the_one_that_is_good_for_longest_is_shown(world: World) -> None:
    registries = world.registries
    longer = world.issue(registries.issuer, valid_until=world.now + 2 * YEAR)
    later = world.unregistered(
        registries.issuer, valid_from=world.now + DAY, valid_until=world.now + 3 * YEAR
    )
    (chosen,) = request_for(world, "vin").choose([world.credential, later, longer], world.now)
    assert chosen.hash == longer.hash


def test_two_wishes_of_one_type_are_met_by_one_certificate(world: World) -> None:
    request = request_for(world, wanted=[Wanted(VEHICLE, ("make",)), Wanted(VEHICLE, ("vin",))])
    (chosen,) = request.choose([world.credential], world.now)
    assert set(chosen.claims) == {"make", "vin"}


def test_an_invalid_certificate_is_shown_as_what_it_is(world: World) -> None:
    request = request_for(world, "make")
    shown = answer(world, request)
    world.registries.revoke(world.credential.hash)
    (verdict,) = shown.verify(request, world.online, world.registries.domain(), world.now)
    assert (verdict.valid, verdict.reason) == (False, "REVOKED")


def test_a_presentation_that_was_changed_is_nobodys(world: World) -> None:
    request = request_for(world, "make", "vin")
    document = json.loads(json.dumps(answer(world, request).to_json()))
    changes: list[Any] = [
        lambda d: d["verifiableCredential"][0]["credentialSubject"]["claims"].pop("vin"),
        lambda d: d["verifiableCredential"].append(d["verifiableCredential"][0]),
        lambda d: d["proof"].update(expires="2099-01-01T00:00:00Z"),
        lambda d: d["proof"].update(created="2020-01-01T00:00:00Z"),
        lambda d: d["proof"].update(domain="https://other.example"),
        lambda d: d["proof"].update(challenge="0x" + "00" * 32),
        lambda d: d["proof"].update(proofValue="f" + "00" * 65),
        lambda d: d["proof"].update(verificationMethod=d["holder"] + "#delegate-1"),
        lambda d: d["proof"].update(verificationMethod=d["holder"] + f"#sigAuth-{world.owner.address}"),
        lambda d: d["proof"]["eip712"]["domain"].update(chainId=1),
        lambda d: d.update(holder=d["verifiableCredential"][0]["issuer"]),
        lambda d: d.update(id="urn:x"),
        lambda d: d.update(verifiableCredential=[]),
    ]
    unsigned = 0
    for change in changes:
        changed = copy.deepcopy(document)
        change(changed)
        assert canonical(changed) != canonical(document)
        try:
            read = Presentation.from_json(changed)
        except EvgiError:
            unsigned += 1
            continue
        same = replace(request, challenge=read.message.challenge, audience=read.message.audience, wanted=())
        if read.delegate == world.owner.address:
            # The owner's signature under another name of the owner: it acts for the holder all the same.
            assert accepted(world, read, same)
            continue
        with pytest.raises((SigningError, CertificateError)):
            accepted(world, read, same)
    assert 4 <= unsigned < len(changes)


# Requests and hostile input


def test_a_request_is_a_document(world: World) -> None:
    request = request_for(world, "make")
    document = json.loads(json.dumps(request.to_json()))
    assert PresentationRequest.from_json(document) == request
    assert request_for(world, "make").challenge != request.challenge
    for changes in ({"challenge": "0x00"}, {"expires": "soon"}, {"wanted": []}, {"more": 1}, {"domain": ""},
                    {"wanted": [{"type": "Boat", "claims": []}]}, {"type": "X"}):  # fmt: skip
        with pytest.raises(CertificateError):
            PresentationRequest.from_json(document | changes)
    for wanted in ([], [Wanted(VEHICLE), Wanted(VEHICLE)]):
        with pytest.raises(CertificateError):
            PresentationRequest.create("x", wanted, expires_at=world.now)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(ANY)
def test_any_json_is_none_of_our_documents(document: Any) -> None:
    for reads in (Presentation.from_json, PresentationRequest.from_json, Snapshot.from_json):
        with pytest.raises(EvgiError):
            reads(document)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_of_a_document_is_an_error_of_ours(founded: World, data: st.DataObject) -> None:
    request = request_for(founded, "make")
    documents = [answer(founded, request).to_json(), request.to_json()]
    for document, reads in zip(
        documents, (Presentation.from_json, PresentationRequest.from_json), strict=True
    ):
        changed = json.loads(json.dumps(document))
        places = [changed, *(each for each in changed.values() if isinstance(each, dict))]
        place = data.draw(st.sampled_from(places))
        place[data.draw(st.sampled_from([*place, "x"]))] = data.draw(ANY)
        with suppress(EvgiError):
            reads(changed)
