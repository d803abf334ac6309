#!/bin/sh
# Stands for an interpreter whose pip tells what the test says.
printf '%s\n' "$PIP_TELLS"
