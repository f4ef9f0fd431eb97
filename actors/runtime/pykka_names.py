"""The private names of Pykka that we use, in one place: an ask's envelope, and its message to stop."""

from pykka._envelope import Envelope
from pykka.messages import _ActorStop as ActorStop

__all__ = ["ActorStop", "Envelope"]
