#include "mesh/intake.h"

static const char *const whys[NC_INTAKE_WHYS] = {
    [NC_INTAKE_ORIGIN] = "origin",
    [NC_INTAKE_NODE] = "node",
    [NC_INTAKE_SHAPE] = "shape",
    [NC_INTAKE_SIGNATURE] = "signature",
    [NC_INTAKE_FORK] = "fork",
    [NC_INTAKE_GAP] = "gap",
    [NC_INTAKE_ROOM] = "room",
    [NC_INTAKE_CLOCK] = "clock",
    [NC_INTAKE_RECORD] = "record",
    [NC_INTAKE_PIECE] = "piece",
    [NC_INTAKE_UNREADABLE] = "unreadable",
};

const char *nc_intake_why(enum nc_intake_why w) { return whys[w]; }
