#!/bin/sh
# soak.t - three minutes of tests/soak/run: five hosts, everything goes wrong.
# time-limit: 540
exec python3 tests/soak/run 180
