"""How the house is watched from outside: metrics, the administrators' page, readiness of each role."""
