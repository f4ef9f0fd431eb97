"""What a delivered message costs: Nuphar and its peers, doing the same work side by side on this machine.

``python -m bench`` runs it. `works` says what is measured, `servers` who, `wire` how each is spoken to; `generator` is
the process that makes the load, `measure` one measurement, `report` what is made of many.
"""
