"""ClearingToken: members, minting, transfers by call and by signature, redemptions, settlements, pause."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from evgi_client.chain import Artifact
from evgi_client.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evgi_client.chain import Chain, ContractHandle, Receipt
    from evgi_client.signing import LocalSigner

ZERO = "0x" + "00" * 20
CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
TEST_ARTIFACTS = Path(__file__).parent / "artifacts"
NONE, REQUESTED, PAID, REJECTED = range(4)

# Written out here, not read from the contract: a wrong type string there must fail.
TYPES = {
    "Permit": "owner:address spender:address value:uint256 nonce:uint256 deadline:uint256",
    "TransferWithAuthorization": "from:address to:address value:uint256 validAfter:uint256 validBefore:uint256"
    " nonce:bytes32",
    "ReceiveWithAuthorization": "from:address to:address value:uint256 validAfter:uint256 validBefore:uint256"
    " nonce:bytes32",
    "CancelAuthorization": "authorizer:address nonce:bytes32",
}


def reference(text: str) -> bytes:
    return text.encode().ljust(32, b"\0")


@contextmanager
def refused(name: str, **args: object) -> Iterator[None]:
    """The block must end in this custom error, with exactly these arguments."""
    with pytest.raises(ContractError) as caught:
        yield
    assert (caught.value.name, caught.value.args) == (name, args)


@dataclass
class World:
    """A token with two members (alice has 1,000, bob nothing), a minter capped at 5,000, and somebody to settle."""

    chain: Chain
    token: ContractHandle
    manager: ContractHandle
    settlement: ContractHandle
    admin: LocalSigner
    issuer: LocalSigner
    alice: LocalSigner
    bob: LocalSigner
    keeper: LocalSigner
    stranger: LocalSigner

    def send(self, signer: LocalSigner, function: str, *args: object) -> Receipt:
        return self.token.transact(function, *args, signer=signer)

    def balance(self, who: LocalSigner | ContractHandle) -> int:
        return int(self.token.call("balanceOf", who.address))

    def settle(self, function: str, *args: object) -> Receipt:
        """A call of the token by the approved settlement contract."""
        calls = [(self.token.address, self.token.encode(function, *args))]
        return self.settlement.transact("execute", calls, signer=self.keeper)

    def redemption(self, holder: LocalSigner, name: str) -> tuple[int, int]:
        return tuple(self.token.call("redemptionOf", holder.address, reference(name)))

    def pause(self) -> None:
        self.send(self.admin, "pause")

    def expel(self, who: LocalSigner) -> None:
        self.send(self.admin, "expel", who.address)

    def sign(
        self,
        signer: LocalSigner,
        kind: str,
        *,
        name: str = "ClearingToken",
        version: str = "1",
        chain_id: int | None = None,
        contract: str | None = None,
        **message: object,
    ) -> tuple[int, bytes, bytes]:
        """v, r, s over a message in the token's domain, or in another where one is given."""
        pairs = (part.split(":") for part in TYPES[kind].split())
        members = [{"name": member, "type": solidity_type} for member, solidity_type in pairs]
        data: dict[str, Any] = {
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                kind: members,
            },
            "primaryType": kind,
            "domain": {
                "name": name,
                "version": version,
                "chainId": self.chain.chain_id if chain_id is None else chain_id,
                "verifyingContract": contract or self.token.address,
            },
            "message": message,
        }
        encoded = encode_typed_data(full_message=data)
        digest = keccak(b"\x19" + encoded.version + encoded.header + encoded.body)
        signature = signer.sign_digest(digest)
        return signature.v, signature.r.to_bytes(32, "big"), signature.s.to_bytes(32, "big")


@pytest.fixture(scope="module")
def deployed(chain: Chain, signers: list[LocalSigner]) -> World:
    admin, issuer, alice, bob, keeper, stranger = signers[:6]
    manager = chain.deploy("AccessManager", [admin.address], admin)
    token = chain.deploy("ClearingToken", [manager.address], admin)
    settlement = chain.deploy(Artifact.load("SmartAccount", TEST_ARTIFACTS), [keeper.address], keeper)
    world = World(chain, token, manager, settlement, admin, issuer, alice, bob, keeper, stranger)
    world.send(admin, "admit", alice.address)
    world.send(admin, "admit", bob.address)
    world.send(admin, "capMinter", issuer.address, 5_000)
    world.send(admin, "approveSettlement", settlement.address, True)
    world.send(issuer, "mint", alice.address, 1_000, reference("opening"))
    return world


@pytest.fixture
def world(chain: Chain, deployed: World) -> Iterator[World]:
    snapshot = chain.snapshot()
    yield deployed
    chain.revert_to(snapshot)


# What it is


def test_it_is_an_erc20_with_six_decimals_and_a_domain_of_its_own_name(world: World) -> None:
    token = world.token
    assert token.call("name") == "EVGI Clearing Token"
    assert token.call("symbol") == "EVGI"
    assert token.call("decimals") == 6
    domain = token.call("eip712Domain")
    assert (domain.name, domain.version) == ("ClearingToken", "1")
    assert (domain.chainId, domain.verifyingContract) == (world.chain.chain_id, token.address)


def test_an_authority_without_code_is_refused(world: World) -> None:
    for authority in (ZERO, world.stranger.address):
        with refused("AccessManagedInvalidAuthority", authority=authority):
            world.chain.deploy("ClearingToken", [authority], world.admin)


# Who may do what

RESTRICTED: dict[str, tuple[object, ...]] = {
    "admit": (ZERO,),
    "expel": (ZERO,),
    "capMinter": (ZERO, 1),
    "approveSettlement": (ZERO, True),
    "pause": (),
    "unpause": (),
    "payRedemption": (ZERO, reference("any")),
    "rejectRedemption": (ZERO, reference("any"), reference("why")),
}
OPEN = {
    "approve",
    "cancelAuthorization",
    "mint",
    "permit",
    "receiveWithAuthorization",
    "requestRedemption",
    "transfer",
    "transferFrom",
    "transferWithAuthorization",
}


@pytest.mark.parametrize("function", RESTRICTED)
@pytest.mark.parametrize("caller", ["stranger", "alice", "issuer"])
def test_nobody_but_the_authority_may(world: World, function: str, caller: str) -> None:
    signer = getattr(world, caller)
    with refused("AccessManagedUnauthorized", caller=signer.address):
        world.send(signer, function, *RESTRICTED[function])


def test_the_authority_changes_only_by_itself(world: World) -> None:
    for signer in (world.admin, world.stranger):
        with refused("AccessManagedUnauthorized", caller=signer.address):
            world.send(signer, "setAuthority", world.manager.address)


def test_every_function_that_writes_is_either_restricted_or_known_to_be_open(world: World) -> None:
    writes = {
        entry["name"]
        for entry in world.token.abi.entries
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }
    assert writes == set(RESTRICTED) | OPEN | {"setAuthority"}


def test_a_role_with_a_delay_has_to_wait(world: World) -> None:
    role, delay, officer = 7, 3_600, world.keeper
    token, manager = world.token, world.manager
    admission = token.encode("admit", world.stranger.address)
    manager.transact("setTargetFunctionRole", token.address, [admission[:4]], role, signer=world.admin)
    manager.transact("grantRole", role, officer.address, delay, signer=world.admin)

    with pytest.raises(ContractError, match="AccessManagerNotScheduled"):
        world.send(officer, "admit", world.stranger.address)
    manager.transact("schedule", token.address, admission, 0, signer=officer)
    with pytest.raises(ContractError, match="AccessManagerNotReady"):
        world.send(officer, "admit", world.stranger.address)
    world.chain.advance_to(world.chain.now() + delay)
    world.send(officer, "admit", world.stranger.address)
    assert token.call("isMember", world.stranger.address)


# Members


def test_a_member_is_admitted_expelled_and_admitted_again(world: World) -> None:
    token, account = world.token, world.stranger.address
    assert not token.call("isMember", account)
    receipt = world.send(world.admin, "admit", account)
    assert [event.args for event in token.events_in(receipt)] == [{"account": account}]
    assert token.call("isMember", account)
    with refused("AlreadyMember", account=account):
        world.send(world.admin, "admit", account)

    receipt = world.send(world.admin, "expel", account)
    assert [event.name for event in token.events_in(receipt)] == ["MemberExpelled"]
    assert not token.call("isMember", account)
    with refused("NotMember", account=account):
        world.send(world.admin, "expel", account)

    world.send(world.admin, "admit", account)
    assert token.call("isMember", account)


def test_neither_nobody_nor_the_token_becomes_a_member(world: World) -> None:
    for account in (ZERO, world.token.address):
        with refused("MemberInvalid", account=account):
            world.send(world.admin, "admit", account)
        assert not world.token.call("isMember", account)


# Minting


def test_a_mint_says_who_created_how_much_for_whom_against_which_payment(world: World) -> None:
    token, issuer, bob = world.token, world.issuer, world.bob
    receipt = world.send(issuer, "mint", bob.address, 250, reference("SEPA 1"))
    transfer, minted = token.events_in(receipt)
    assert transfer.args == {"from": ZERO, "to": bob.address, "value": 250}
    assert minted.name == "Minted"
    assert minted.args == {
        "minter": issuer.address,
        "to": bob.address,
        "fiatReference": reference("SEPA 1"),
        "amount": 250,
    }
    assert (world.balance(bob), token.call("totalSupply")) == (250, 1_250)
    assert token.call("mintedBy", issuer.address) == 1_250
    assert token.call("fiatReferenceUsed", reference("SEPA 1"))


def test_a_mint_needs_an_amount_a_reference_and_a_member(world: World) -> None:
    issuer, alice, stranger = world.issuer, world.alice, world.stranger
    with refused("AmountZero"):
        world.send(issuer, "mint", alice.address, 0, reference("a"))
    with refused("FiatReferenceZero"):
        world.send(issuer, "mint", alice.address, 1, bytes(32))
    with refused("NotMember", account=stranger.address):
        world.send(issuer, "mint", stranger.address, 1, reference("a"))
    with refused("NotMember", account=world.token.address):
        world.send(issuer, "mint", world.token.address, 1, reference("a"))
    with refused("ERC20InvalidReceiver", receiver=ZERO):
        world.send(issuer, "mint", ZERO, 1, reference("a"))
    assert not world.token.call("fiatReferenceUsed", reference("a"))


def test_a_payment_mints_once_whoever_the_minter_and_whoever_the_receiver(world: World) -> None:
    world.send(world.admin, "capMinter", world.keeper.address, 100)
    for minter, to in ((world.issuer, world.alice), (world.issuer, world.bob), (world.keeper, world.bob)):
        with refused("FiatReferenceUsed", fiatReference=reference("opening")):
            world.send(minter, "mint", to.address, 1, reference("opening"))


def test_a_payment_named_twice_in_one_transaction_mints_nothing(world: World) -> None:
    token, account = world.token, world.settlement
    world.send(world.admin, "capMinter", account.address, 100)
    mints = [(token.address, token.encode("mint", world.bob.address, 10, reference(r))) for r in ("x", "x")]
    with pytest.raises(ContractError) as caught:
        account.transact("execute", mints, signer=world.keeper)
    assert caught.value.name == "FiatReferenceUsed"
    assert (world.balance(world.bob), token.call("mintedBy", account.address)) == (0, 0)
    assert not token.call("fiatReferenceUsed", reference("x"))


def test_a_minter_ends_at_its_cap_and_redemptions_give_nothing_back(world: World) -> None:
    issuer, alice = world.issuer.address, world.alice
    over = {"minter": issuer, "cap": 5_000}
    with refused("MinterCapExceeded", minted=1_000, amount=4_001, **over):
        world.send(world.issuer, "mint", alice.address, 4_001, reference("a"))
    world.send(world.issuer, "mint", alice.address, 4_000, reference("a"))
    world.send(alice, "requestRedemption", 5_000, reference("out"))
    world.send(world.admin, "payRedemption", alice.address, reference("out"))
    assert world.token.call("totalSupply") == 0
    with refused("MinterCapExceeded", minted=5_000, amount=1, **over):
        world.send(world.issuer, "mint", alice.address, 1, reference("b"))
    with refused("MinterCapExceeded", minted=5_000, amount=2**256 - 1, **over):
        world.send(world.issuer, "mint", alice.address, 2**256 - 1, reference("b"))
    with refused("MinterCapExceeded", minter=alice.address, minted=0, amount=1, cap=0):
        world.send(alice, "mint", alice.address, 1, reference("b"))


@pytest.mark.parametrize(("asked", "effective"), [(0, 1_000), (999, 1_000), (1_000, 1_000), (1_001, 1_001)])
def test_a_cap_below_what_was_minted_stops_the_minter_there(world: World, asked: int, effective: int) -> None:
    token, issuer = world.token, world.issuer.address
    receipt = world.send(world.admin, "capMinter", issuer, asked)
    assert [event.args for event in token.events_in(receipt)] == [{"minter": issuer, "cap": effective}]
    assert token.call("minterCap", issuer) == effective
    with refused("MinterCapExceeded", minter=issuer, minted=1_000, amount=2, cap=effective):
        world.send(world.issuer, "mint", world.alice.address, 2, reference("more"))


# Transfers


def test_members_pay_members(world: World) -> None:
    receipt = world.send(world.alice, "transfer", world.bob.address, 400)
    (event,) = world.token.events_in(receipt)
    assert event.args == {"from": world.alice.address, "to": world.bob.address, "value": 400}
    assert (world.balance(world.alice), world.balance(world.bob)) == (600, 400)


def test_nobody_else_holds_tokens(world: World) -> None:
    alice, stranger = world.alice, world.stranger
    for receiver in (stranger.address, world.token.address, world.settlement.address):
        for amount in (0, 1):
            with refused("NotMember", account=receiver):
                world.send(alice, "transfer", receiver, amount)
    with refused("ERC20InvalidReceiver", receiver=ZERO):
        world.send(alice, "transfer", ZERO, 1)
    with refused("NotMember", account=stranger.address):
        world.send(stranger, "transfer", alice.address, 0)


def test_approvals_of_and_to_strangers_open_nothing(world: World) -> None:
    alice, bob, stranger = world.alice, world.bob, world.stranger
    world.send(stranger, "approve", alice.address, 5)
    with refused("NotMember", account=stranger.address):
        world.send(alice, "transferFrom", stranger.address, alice.address, 0)
    world.send(alice, "approve", stranger.address, 5)
    with refused("NotMember", account=stranger.address):
        world.send(stranger, "transferFrom", alice.address, stranger.address, 5)
    with refused("ERC20InsufficientAllowance", spender=stranger.address, allowance=5, needed=6):
        world.send(stranger, "transferFrom", alice.address, bob.address, 6)
    world.send(stranger, "transferFrom", alice.address, bob.address, 5)
    assert world.balance(bob) == 5


def test_an_expelled_member_neither_sends_nor_receives(world: World) -> None:
    alice, bob = world.alice, world.bob
    world.send(alice, "transfer", bob.address, 10)
    world.send(alice, "approve", bob.address, 10)
    world.expel(alice)
    with refused("NotMember", account=alice.address):
        world.send(alice, "transfer", bob.address, 1)
    with refused("NotMember", account=alice.address):
        world.send(bob, "transferFrom", alice.address, bob.address, 1)
    with refused("NotMember", account=alice.address):
        world.send(bob, "transfer", alice.address, 1)
    with refused("NotMember", account=alice.address):
        world.send(world.issuer, "mint", alice.address, 1, reference("late"))


def test_pause_stops_transfers_minting_and_new_redemptions(world: World) -> None:
    alice, bob = world.alice, world.bob
    world.send(alice, "approve", bob.address, 10)
    world.pause()
    for signer, call in (
        (alice, ("transfer", bob.address, 1)),
        (bob, ("transferFrom", alice.address, bob.address, 1)),
        (world.issuer, ("mint", bob.address, 1, reference("a"))),
        (alice, ("requestRedemption", 1, reference("a"))),
        (world.admin, ("pause",)),
    ):
        with refused("EnforcedPause"):
            world.send(signer, *call)
    world.send(world.admin, "unpause")
    world.send(alice, "transfer", bob.address, 1)
    with refused("ExpectedPause"):
        world.send(world.admin, "unpause")


# Permits, as EIP-2612 has them


def permit(world: World, deadline: int | None = None, **domain: Any) -> tuple[Any, ...]:
    deadline = world.chain.now() + 600 if deadline is None else deadline
    message: dict[str, Any] = {
        "owner": world.alice.address,
        "spender": world.bob.address,
        "value": 70,
        "nonce": 0,
        "deadline": deadline,
    }
    v, r, s = world.sign(world.alice, "Permit", **domain, **message)
    return world.alice.address, world.bob.address, 70, deadline, v, r, s


def test_a_permit_approves_once(world: World) -> None:
    alice, bob = world.alice.address, world.bob.address
    arguments = permit(world)
    receipt = world.send(world.stranger, "permit", *arguments)
    assert [event.name for event in world.token.events_in(receipt)] == ["Approval"]
    assert (world.token.call("allowance", alice, bob), world.token.call("nonces", alice)) == (70, 1)
    world.send(world.alice, "approve", bob, 0)
    with pytest.raises(ContractError, match="ERC2612InvalidSigner"):
        world.send(world.stranger, "permit", *arguments)
    assert world.token.call("allowance", alice, bob) == 0


@pytest.mark.parametrize(
    "domain",
    [{"chain_id": 1}, {"contract": "0x" + "11" * 20}, {"name": "EVGI Clearing Token"}, {"version": "2"}],
    ids=lambda domain: next(iter(domain)),
)
def test_a_permit_of_another_domain_is_refused(world: World, domain: dict[str, Any]) -> None:
    with pytest.raises(ContractError, match="ERC2612InvalidSigner"):
        world.send(world.bob, "permit", *permit(world, **domain))


def test_a_permit_of_another_owner_amount_spender_or_time_is_refused(world: World) -> None:
    arguments = permit(world)
    changes = {0: world.bob.address, 1: world.stranger.address, 2: 71, 3: 2**256 - 1}
    for position, value in changes.items():
        changed = [*arguments]
        changed[position] = value
        with pytest.raises(ContractError, match="ERC2612InvalidSigner"):
            world.send(world.bob, "permit", *changed)
    past = world.chain.now() - 1
    with refused("ERC2612ExpiredSignature", deadline=past):
        world.send(world.bob, "permit", *permit(world, deadline=past))


def test_a_permit_by_nobody_or_with_a_malleated_signature_is_refused(world: World) -> None:
    owner, spender, value, deadline, v, r, s = permit(world)
    with refused("ECDSAInvalidSignature"):
        world.send(world.bob, "permit", ZERO, spender, value, deadline, 27, bytes(32), bytes(32))
    high = (CURVE_ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")
    with refused("ECDSAInvalidSignatureS", s=high):
        world.send(world.bob, "permit", owner, spender, value, deadline, 55 - v, r, high)


# Authorizations, as ERC-3009 has them


def authorization(
    world: World,
    kind: str = "TransferWithAuthorization",
    *,
    to: str | None = None,
    value: int = 100,
    after: int = 0,
    before: int = 2**40,
    nonce: str = "first",
    domain: dict[str, Any] | None = None,
) -> tuple[Any, ...]:
    fields = [world.alice.address, to or world.bob.address, value, after, before, reference(nonce)]
    names = ("from", "to", "value", "validAfter", "validBefore", "nonce")
    message: dict[str, Any] = dict(zip(names, fields, strict=True))
    return (*fields, *world.sign(world.alice, kind, **(domain or {}), **message))


def test_an_authorization_moves_tokens_once_whoever_brings_it(world: World) -> None:
    alice, arguments = world.alice.address, authorization(world)
    receipt = world.send(world.stranger, "transferWithAuthorization", *arguments)
    used, transfer = world.token.events_in(receipt)
    assert (used.name, used.args) == ("AuthorizationUsed", {"authorizer": alice, "nonce": reference("first")})
    assert transfer.args["value"] == 100
    assert world.balance(world.bob) == 100
    assert world.token.call("authorizationState", alice, reference("first"))
    with refused("ERC3009UsedAuthorization", authorizer=alice, nonce=reference("first")):
        world.send(world.stranger, "transferWithAuthorization", *arguments)


def test_authorizations_are_used_in_any_order(world: World) -> None:
    made = [authorization(world, nonce=nonce, value=value) for nonce, value in (("one", 1), ("two", 2))]
    for arguments in reversed(made):
        world.send(world.stranger, "transferWithAuthorization", *arguments)
    assert world.balance(world.bob) == 3


def test_only_the_payee_brings_a_receipt_and_the_two_kinds_do_not_mix(world: World) -> None:
    kind = "ReceiveWithAuthorization"
    with refused("ERC20InvalidReceiver", receiver=world.bob.address):
        world.send(world.stranger, "receiveWithAuthorization", *authorization(world, kind))
    with refused("ERC3009InvalidSignature"):
        world.send(world.bob, "receiveWithAuthorization", *authorization(world))
    with refused("ERC3009InvalidSignature"):
        world.send(world.bob, "transferWithAuthorization", *authorization(world, kind))
    world.send(world.bob, "receiveWithAuthorization", *authorization(world, kind))
    assert world.balance(world.bob) == 100


def test_an_authorization_counts_strictly_between_its_times(world: World) -> None:
    now = world.chain.now()
    for after, before in ((now, now + 9), (now - 9, now)):
        with refused("ERC3009InvalidAuthorizationTime", validAfter=after, validBefore=before):
            arguments = authorization(world, after=after, before=before)
            world.send(world.bob, "transferWithAuthorization", *arguments)
    arguments = authorization(world, after=now - 1, before=now + 1)
    world.send(world.bob, "transferWithAuthorization", *arguments)


@pytest.mark.parametrize(
    "domain",
    [{"chain_id": 1}, {"contract": "0x" + "11" * 20}, {"name": "EVGI Clearing Token"}, {"version": "2"}],
    ids=lambda domain: next(iter(domain)),
)
def test_an_authorization_of_another_domain_is_refused(world: World, domain: dict[str, Any]) -> None:
    with refused("ERC3009InvalidSignature"):
        world.send(world.bob, "transferWithAuthorization", *authorization(world, domain=domain))


def test_no_field_of_an_authorization_can_be_changed(world: World) -> None:
    arguments = authorization(world)
    changes = {
        0: world.bob.address,
        1: world.stranger.address,
        2: 101,
        3: 1,
        4: 2**41,
        5: reference("second"),
    }
    for position, value in changes.items():
        changed = [*arguments]
        changed[position] = value
        with refused("ERC3009InvalidSignature"):
            world.send(world.bob, "transferWithAuthorization", *changed)


def test_an_authorization_by_nobody_or_with_a_malleated_signature_is_refused(world: World) -> None:
    *fields, v, r, s = authorization(world)
    with refused("ECDSAInvalidSignature"):
        world.send(world.bob, "transferWithAuthorization", ZERO, *fields[1:], 27, bytes(32), bytes(32))
    high = (CURVE_ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")
    with refused("ECDSAInvalidSignatureS", s=high):
        world.send(world.bob, "transferWithAuthorization", *fields, 55 - v, r, high)
    # Having been refused it is not used: replay is keyed on the nonce, never on the signature's bytes.
    world.send(world.bob, "transferWithAuthorization", *fields, v, r, s)
    with refused("ECDSAInvalidSignatureS", s=high):
        world.send(world.bob, "transferWithAuthorization", *fields, 55 - v, r, high)


def test_a_cancelled_authorization_is_dead_and_only_its_author_cancels(world: World) -> None:
    alice, nonce = world.alice.address, reference("first")
    by_bob = world.sign(world.bob, "CancelAuthorization", authorizer=alice, nonce=nonce)
    with refused("ERC3009InvalidSignature"):
        world.send(world.bob, "cancelAuthorization", alice, nonce, *by_bob)
    signature = world.sign(world.alice, "CancelAuthorization", authorizer=alice, nonce=nonce)
    with refused("ERC3009InvalidSignature"):
        world.send(world.bob, "cancelAuthorization", alice, reference("other"), *signature)
    world.pause()
    receipt = world.send(world.stranger, "cancelAuthorization", alice, nonce, *signature)
    assert [event.name for event in world.token.events_in(receipt)] == ["AuthorizationCanceled"]
    world.send(world.admin, "unpause")
    for function, arguments in (
        ("transferWithAuthorization", authorization(world)),
        ("cancelAuthorization", (alice, nonce, *signature)),
    ):
        with refused("ERC3009UsedAuthorization", authorizer=alice, nonce=nonce):
            world.send(world.bob, function, *arguments)
    assert world.balance(world.bob) == 0


def test_signatures_do_not_get_around_membership_pause_or_escrow(world: World) -> None:
    for receiver in (world.stranger.address, world.token.address):
        with refused("NotMember", account=receiver):
            arguments = authorization(world, to=receiver)
            world.send(world.stranger, "transferWithAuthorization", *arguments)
    world.pause()
    with refused("EnforcedPause"):
        world.send(world.stranger, "transferWithAuthorization", *authorization(world))
    world.send(world.admin, "unpause")
    world.expel(world.alice)
    with refused("NotMember", account=world.alice.address):
        world.send(world.stranger, "transferWithAuthorization", *authorization(world))
    assert not world.token.call("authorizationState", world.alice.address, reference("first"))


# Redemptions


def test_a_redemption_waits_in_escrow_and_is_burned_when_paid(world: World) -> None:
    token, alice = world.token, world.alice
    receipt = world.send(alice, "requestRedemption", 300, reference("out"))
    transfer, requested = token.events_in(receipt)
    assert transfer.args == {"from": alice.address, "to": token.address, "value": 300}
    named = {"holder": alice.address, "fiatReference": reference("out"), "amount": 300}
    assert (requested.name, requested.args) == ("RedemptionRequested", named)
    assert world.redemption(alice, "out") == (REQUESTED, 300)
    assert (world.balance(alice), world.balance(token), token.call("totalSupply")) == (700, 300, 1_000)

    receipt = world.send(world.admin, "payRedemption", alice.address, reference("out"))
    transfer, paid = token.events_in(receipt)
    assert transfer.args == {"from": token.address, "to": ZERO, "value": 300}
    assert (paid.name, paid.args) == ("RedemptionPaid", named)
    assert world.redemption(alice, "out") == (PAID, 300)
    assert (world.balance(alice), world.balance(token), token.call("totalSupply")) == (700, 0, 700)


def test_a_rejected_redemption_goes_back_with_a_reason(world: World) -> None:
    token, alice = world.token, world.alice
    world.send(alice, "requestRedemption", 300, reference("out"))
    receipt = world.send(
        world.admin, "rejectRedemption", alice.address, reference("out"), reference("IBAN unknown")
    )
    event = token.events_in(receipt)[-1]
    assert event.name == "RedemptionRejected"
    assert event.args == {
        "holder": alice.address,
        "fiatReference": reference("out"),
        "amount": 300,
        "reason": reference("IBAN unknown"),
    }
    assert world.redemption(alice, "out") == (REJECTED, 300)
    assert (world.balance(alice), world.balance(token), token.call("totalSupply")) == (1_000, 0, 1_000)


@pytest.mark.parametrize(("end", "state"), [("payRedemption", PAID), ("rejectRedemption", REJECTED)])
def test_a_redemption_ends_once_and_its_reference_stays_used(world: World, end: str, state: int) -> None:
    alice, name = world.alice, reference("out")
    world.send(alice, "requestRedemption", 300, name)
    with refused("RedemptionExists", holder=alice.address, fiatReference=name):
        world.send(alice, "requestRedemption", 1, name)
    reason = {"payRedemption": (), "rejectRedemption": (reference("why"),)}
    world.send(world.admin, end, alice.address, name, *reason[end])
    for again, more in reason.items():
        with refused("RedemptionNotRequested", holder=alice.address, fiatReference=name, state=state):
            world.send(world.admin, again, alice.address, name, *more)
    with refused("RedemptionExists", holder=alice.address, fiatReference=name):
        world.send(alice, "requestRedemption", 1, name)


def test_only_what_was_requested_is_paid_and_each_holder_has_references_of_its_own(world: World) -> None:
    alice, bob = world.alice, world.bob
    world.send(alice, "transfer", bob.address, 50)
    world.send(alice, "requestRedemption", 100, reference("out"))
    unknown = {"fiatReference": reference("out"), "state": NONE}
    with refused("RedemptionNotRequested", holder=bob.address, **unknown):
        world.send(world.admin, "payRedemption", bob.address, reference("out"))
    # Bob cannot take Alice's reference away from her, nor she his.
    world.send(bob, "requestRedemption", 50, reference("out"))
    world.send(world.admin, "payRedemption", bob.address, reference("out"))
    assert world.redemption(alice, "out") == (REQUESTED, 100)
    assert world.balance(world.token) == 100
    # A payment in and a payment out are two payments: "opening" has minted, and may be redeemed.
    world.send(alice, "requestRedemption", 1, reference("opening"))


def test_a_redemption_needs_an_amount_a_reference_and_the_tokens(world: World) -> None:
    alice = world.alice
    with refused("AmountZero"):
        world.send(alice, "requestRedemption", 0, reference("out"))
    with refused("FiatReferenceZero"):
        world.send(alice, "requestRedemption", 1, bytes(32))
    short = {"balance": 1_000, "needed": 1_001}
    with refused("ERC20InsufficientBalance", sender=alice.address, **short):
        world.send(alice, "requestRedemption", 1_001, reference("out"))
    with refused("SafeCastOverflowedUintDowncast", bits=248, value=2**248):
        world.send(alice, "requestRedemption", 2**248, reference("out"))
    with refused("ERC20InsufficientBalance", sender=world.stranger.address, balance=0, needed=1):
        world.send(world.stranger, "requestRedemption", 1, reference("out"))
    assert world.redemption(alice, "out") == (NONE, 0)


def test_pause_and_expulsion_do_not_hold_a_redemption_under_way(world: World) -> None:
    alice = world.alice
    for name in ("paid", "rejected"):
        world.send(alice, "requestRedemption", 300, reference(name))
    world.expel(alice)
    world.pause()
    world.send(world.admin, "payRedemption", alice.address, reference("paid"))
    world.send(world.admin, "rejectRedemption", alice.address, reference("rejected"), reference("why"))
    assert (world.balance(alice), world.token.call("totalSupply")) == (700, 700)


def test_an_expelled_member_gets_out_with_all_it_has(world: World) -> None:
    alice = world.alice
    world.expel(alice)
    world.send(alice, "requestRedemption", 1_000, reference("all"))
    world.send(world.admin, "payRedemption", alice.address, reference("all"))
    assert (world.balance(alice), world.token.call("totalSupply")) == (0, 0)


# Settlements


def test_a_settlement_passes_between_members_with_the_payers_allowance(world: World) -> None:
    alice, bob, settlement = world.alice.address, world.bob.address, world.settlement.address
    with refused("ERC20InsufficientAllowance", spender=settlement, allowance=0, needed=200):
        world.settle("transferFrom", alice, bob, 200)
    world.send(world.alice, "approve", settlement, 200)
    world.settle("transferFrom", alice, bob, 200)
    assert world.balance(world.bob) == 200


@pytest.mark.parametrize("expelled", [(), ("alice",), ("bob",), ("alice", "bob")])
@pytest.mark.parametrize("paused", [False, True])
def test_what_is_final_is_paid_in_spite_of_pause_and_expulsion(
    world: World, paused: bool, expelled: tuple[str, ...]
) -> None:
    for name in expelled:
        world.expel(getattr(world, name))
    if paused:
        world.pause()
    world.send(world.alice, "approve", world.settlement.address, 200)
    world.settle("transferFrom", world.alice.address, world.bob.address, 200)
    assert (world.balance(world.alice), world.balance(world.bob)) == (800, 200)


def test_a_settlement_reaches_neither_strangers_nor_the_escrow(world: World) -> None:
    alice, token = world.alice, world.token
    world.send(alice, "approve", world.settlement.address, 500)
    world.send(alice, "requestRedemption", 100, reference("out"))
    for receiver in (world.stranger.address, token.address, world.settlement.address):
        with refused("NotMember", account=receiver):
            world.settle("transferFrom", alice.address, receiver, 1)
    with refused("ERC20InvalidReceiver", receiver=ZERO):
        world.settle("transferFrom", alice.address, ZERO, 1)
    spender = {"spender": world.settlement.address, "allowance": 0, "needed": 1}
    with refused("ERC20InsufficientAllowance", **spender):
        world.settle("transferFrom", token.address, alice.address, 1)
    with refused("NotMember", account=token.address):
        world.settle("transferFrom", token.address, alice.address, 0)
    assert (world.balance(token), token.call("totalSupply")) == (100, 1_000)


def test_a_settlement_contract_mints_like_anybody_else(world: World) -> None:
    world.send(world.admin, "capMinter", world.settlement.address, 100)
    with refused("NotMember", account=world.stranger.address):
        world.settle("mint", world.stranger.address, 1, reference("a"))
    world.expel(world.bob)
    with refused("NotMember", account=world.bob.address):
        world.settle("mint", world.bob.address, 1, reference("a"))
    world.pause()
    with refused("EnforcedPause"):
        world.settle("mint", world.alice.address, 1, reference("a"))


def test_a_contract_no_longer_approved_settles_like_anybody_else(world: World) -> None:
    token, settlement = world.token, world.settlement.address
    world.send(world.alice, "approve", settlement, 500)
    receipt = world.send(world.admin, "approveSettlement", settlement, False)
    assert [e.args for e in token.events_in(receipt)] == [{"settlement": settlement, "approved": False}]
    assert not token.call("isSettlement", settlement)
    world.settle("transferFrom", world.alice.address, world.bob.address, 1)
    world.pause()
    with refused("EnforcedPause"):
        world.settle("transferFrom", world.alice.address, world.bob.address, 1)
