"""What a session costs under a tariff: OCPI's rules, in integers.

1. Every period is cut where a price may change (``periods``). In each piece, each dimension takes the first element
   that prices it and whose restrictions hold. A flat fee is billed once a session, when one first applies.
2. Quantities are summed per price component, so that the price does not depend on how finely periods are cut.
3. The step is applied once to the total of energy, once to parking time where any was priced, else to charging time,
   and once to reserved time: with the step of the component used last, which takes what is added.
4. Each component's amount is rounded by itself, as the tariff says; tax is taken of that amount and rounded the same.
5. The limits of the tariff that the session began with bound the sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evgi_client.errors import CurrencyMismatchError, TariffFieldError, TariffUnknownError
from evgi_client.tariffs.periods import ChargingPeriod, Piece, pieces
from evgi_client.tariffs.rates import in_steps
from evgi_client.tariffs.tariff import (
    TAX_SCALE,
    Dimension,
    Direction,
    PriceComponent,
    Reservation,
    Tariff,
    TaxIncluded,
)
from evgi_client.units import SECONDS_PER_HOUR, WH_PER_KWH, Rounding, divide

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_UNIT = {
    Dimension.ENERGY: WH_PER_KWH,
    Dimension.TIME: SECONDS_PER_HOUR,
    Dimension.PARKING_TIME: SECONDS_PER_HOUR,
    Dimension.FLAT: 1,
}
_CHARGING: frozenset[Reservation] = frozenset()
_USED_RESERVATION = (frozenset({Reservation.RESERVATION}),)
_EXPIRED_RESERVATION = (frozenset({Reservation.EXPIRES}), frozenset({Reservation.RESERVATION}))


@dataclass(frozen=True, slots=True)
class PricePart:
    """What one price component cost. ``used`` and ``billed`` are Wh or seconds, 1 for a flat fee; ``element`` is the
    place of its element in the tariff. Amounts are minor units."""

    tariff: str
    element: int
    dimension: Dimension
    reservation: bool
    used: int
    billed: int
    price: int
    tax: int | None
    before_tax: int
    after_tax: int


@dataclass(frozen=True, slots=True)
class SessionPrice:
    """The price of a session in minor units, and the parts that it is made of.

    ``limit`` is ``min_price`` or ``max_price`` where that moved the sum of the parts, else None. With direction
    EXPORT it is what the driver is paid.
    """

    currency: str
    direction: Direction
    parts: tuple[PricePart, ...]
    before_tax: int
    after_tax: int
    limit: str | None

    @property
    def tax(self) -> int:
        return self.after_tax - self.before_tax

    def cost_of(self, dimension: Dimension, *, reservation: bool = False) -> tuple[int, int]:
        """Minor units before and after tax of all parts of one dimension."""
        parts = [
            part for part in self.parts if (part.dimension, part.reservation) == (dimension, reservation)
        ]
        return sum(part.before_tax for part in parts), sum(part.after_tax for part in parts)


def price_session(priced: Sequence[tuple[ChargingPeriod, Tariff | None]]) -> SessionPrice:
    """The price of a session whose periods are each under a tariff, or under none and so free.

    A reservation is expired where nothing was charged or parked.

    Raises:
        TariffUnknownError: no period is under a tariff.
        TariffFieldError: tariffs of two directions.
        CurrencyMismatchError: tariffs of two currencies.
        ChargingPeriodError: periods that overlap or are not in order.
        TimeZoneMissingError, ReadingMissingError: the price depends on what is not known.
    """
    tariffs = [tariff for _, tariff in priced if tariff is not None]
    if not tariffs:
        raise TariffUnknownError(None, ())
    first = tariffs[0]
    for tariff in tariffs:
        if tariff.currency != first.currency:
            raise CurrencyMismatchError(tariff.id, tariff.currency, first.currency)
        if tariff.direction is not first.direction:
            raise TariffFieldError(
                "direction", tariff.direction.value, f"the session's is {first.direction.value}"
            )
    expired = all(not (p.energy_wh or p.charging_seconds or p.parking_seconds) for p, _ in priced)
    parts = tuple(
        line.part() for line in _lines(priced, _EXPIRED_RESERVATION if expired else _USED_RESERVATION)
    )
    before_tax = sum(part.before_tax for part in parts)
    after_tax = sum(part.after_tax for part in parts)
    limited = _limited(first, before_tax, after_tax)
    return SessionPrice(first.currency, first.direction, parts, *limited)


@dataclass(slots=True)
class _Line:
    """One price component of a session, with what it has to bill so far."""

    tariff: Tariff
    element: int
    component: PriceComponent
    reservation: bool
    used: int = 0
    added: int = 0

    def part(self) -> PricePart:
        component, billed = self.component, self.used + self.added
        stated = divide(billed * component.price, _UNIT[component.dimension], self.tariff.rounding)
        before_tax, after_tax = _taxed(stated, component.tax, self.tariff.tax_included, self.tariff.rounding)
        return PricePart(
            tariff=self.tariff.id,
            element=self.element,
            dimension=component.dimension,
            reservation=self.reservation,
            used=self.used,
            billed=billed,
            price=component.price,
            tax=component.tax,
            before_tax=before_tax,
            after_tax=after_tax,
        )


def _lines(
    priced: Sequence[tuple[ChargingPeriod, Tariff | None]], reserved: tuple[frozenset[Reservation], ...]
) -> list[_Line]:
    lines: dict[tuple[int, int, Dimension], _Line] = {}
    last: dict[tuple[Dimension, bool], _Line] = {}

    def bill(piece: Piece, tariff: Tariff, dimension: Dimension, quantity: int, *, reservation: bool) -> None:
        once = dimension is Dimension.FLAT and (dimension, reservation) in last
        if not quantity or once:
            return
        found = _find(piece, tariff, dimension, reserved if reservation else (_CHARGING,))
        if found is None:
            return
        line = lines.setdefault((id(tariff), found.element, dimension), found)
        line.used += quantity
        last[dimension, reservation] = line

    for piece, tariff in pieces(priced):
        if tariff is None:
            continue
        bill(piece, tariff, Dimension.FLAT, int(piece.period.reservation_seconds > 0), reservation=True)
        bill(piece, tariff, Dimension.TIME, piece.reservation_seconds, reservation=True)
        bill(piece, tariff, Dimension.FLAT, int(not piece.period.reserved_only), reservation=False)
        bill(piece, tariff, Dimension.ENERGY, piece.energy_wh, reservation=False)
        bill(piece, tariff, Dimension.TIME, piece.charging_seconds, reservation=False)
        bill(piece, tariff, Dimension.PARKING_TIME, piece.parking_seconds, reservation=False)

    timed = Dimension.PARKING_TIME if (Dimension.PARKING_TIME, False) in last else Dimension.TIME
    for key in ((Dimension.ENERGY, False), (timed, False), (Dimension.TIME, True)):
        if key in last:
            total = sum(
                line.used for line in lines.values() if (line.component.dimension, line.reservation) == key
            )
            last[key].added = in_steps(total, last[key].component.step) - total
    return list(lines.values())


def _find(
    piece: Piece, tariff: Tariff, dimension: Dimension, kinds: Iterable[frozenset[Reservation]]
) -> _Line | None:
    """The first element that prices the dimension and whose restrictions hold, for the first kind that has one."""
    for kind in kinds:
        for place, element in enumerate(tariff.elements):
            for component in element.components:
                if component.dimension is dimension and piece.matches(element.restrictions, tariff.id, kind):
                    return _Line(tariff, place, component, reservation=bool(kind))
    return None


def _taxed(stated: int, tax: int | None, included: TaxIncluded, rounding: Rounding) -> tuple[int, int]:
    """Amounts before and after tax of a stated amount. Where tax is included at no stated rate, the two are equal."""
    if not tax or included is TaxIncluded.NOT_APPLICABLE:
        return stated, stated
    if included is TaxIncluded.INCLUDED:
        return divide(stated * TAX_SCALE, TAX_SCALE + tax, rounding), stated
    return stated, stated + divide(stated * tax, TAX_SCALE, rounding)


def _limited(tariff: Tariff, before_tax: int, after_tax: int) -> tuple[int, int, str | None]:
    """The sums within the limits of the tariff, each by itself. A limit that says nothing of the amount after tax
    moves it in proportion, rounded as the tariff says."""
    limit = None
    for name, bound, pick in (("min_price", tariff.min_price, max), ("max_price", tariff.max_price, min)):
        if bound is None:
            continue
        before, after = before_tax, after_tax
        before_tax = pick(before, bound.before_tax)
        if bound.after_tax is not None:
            after_tax = pick(after, bound.after_tax)
        elif before_tax != before:
            after_tax = divide(after * before_tax, before, tariff.rounding) if before else before_tax
        if (before_tax, after_tax) != (before, after):
            limit = name
    return before_tax, after_tax, limit
