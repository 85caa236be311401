"""STEP files (ISO 10303-21, AUTOMOTIVE_DESIGN) of boxes, written by hand: no CAD program is needed to test a reader."""

from itertools import count
from pathlib import Path

CORNERS = ((0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1))
# The corners of each face, anticlockwise from outside, its normal, and a direction in its plane.
FACES = (
    ((0, 3, 2, 1), "0.,0.,-1.", "1.,0.,0."), ((4, 5, 6, 7), "0.,0.,1.", "1.,0.,0."),
    ((0, 1, 5, 4), "0.,-1.,0.", "1.,0.,0."), ((2, 3, 7, 6), "0.,1.,0.", "1.,0.,0."),
    ((1, 2, 6, 5), "1.,0.,0.", "0.,1.,0."), ((3, 0, 4, 7), "-1.,0.,0.", "0.,1.,0."),
)  # fmt: skip


def write_box(path: Path, sides: tuple[float, float, float]) -> Path:
    """Write a box from (0, 0, 0) to `sides`, millimetres."""
    numbers, lines = count(100), []

    def put(entity: str) -> str:
        name = f"#{next(numbers)}"
        lines.append(f"{name}={entity};")
        return name

    places = [[side * share for side, share in zip(sides, corner, strict=True)] for corner in CORNERS]
    points = [put(f"CARTESIAN_POINT('',({x:.6f},{y:.6f},{z:.6f}))") for x, y, z in places]
    faces = []
    for corners, normal, along in FACES:
        loop = put(f"POLY_LOOP('',({','.join(points[corner] for corner in corners)}))")
        bound = put(f"FACE_OUTER_BOUND('',{loop},.T.)")
        out, across = (put(f"DIRECTION('',({direction}))") for direction in (normal, along))
        axes = put(f"AXIS2_PLACEMENT_3D('',{points[corners[0]]},{out},{across})")
        plane = put(f"PLANE('',{axes})")
        faces.append(put(f"FACE_SURFACE('',({bound}),{plane},.T.)"))
    shell = put(f"CLOSED_SHELL('',({','.join(faces)}))")
    solid = put(f"FACETED_BREP('box',{shell})")
    content = "\n".join(lines)
    text = f"""ISO-10303-21;
HEADER;
FILE_DESCRIPTION((''),'2;1');
FILE_NAME('box','2026-01-01T00:00:00',(''),(''),'','','');
FILE_SCHEMA(('AUTOMOTIVE_DESIGN'));
ENDSEC;
DATA;
#1=APPLICATION_CONTEXT('automotive design');
#2=APPLICATION_PROTOCOL_DEFINITION('international standard','automotive_design',2000,#1);
#3=PRODUCT_CONTEXT('',#1,'mechanical');
#4=PRODUCT('box','box','',(#3));
#5=PRODUCT_DEFINITION_FORMATION('','',#4);
#6=PRODUCT_DEFINITION_CONTEXT('part definition',#1,'design');
#7=PRODUCT_DEFINITION('design','',#5,#6);
#8=PRODUCT_DEFINITION_SHAPE('','',#7);
#9=(LENGTH_UNIT()NAMED_UNIT(*)SI_UNIT(.MILLI.,.METRE.));
#10=(NAMED_UNIT(*)PLANE_ANGLE_UNIT()SI_UNIT($,.RADIAN.));
#11=(NAMED_UNIT(*)SI_UNIT($,.STERADIAN.)SOLID_ANGLE_UNIT());
#12=UNCERTAINTY_MEASURE_WITH_UNIT(LENGTH_MEASURE(1.E-5),#9,'','');
#13=(GEOMETRIC_REPRESENTATION_CONTEXT(3)GLOBAL_UNCERTAINTY_ASSIGNED_CONTEXT((#12))
GLOBAL_UNIT_ASSIGNED_CONTEXT((#9,#10,#11))REPRESENTATION_CONTEXT('',''));
#14=FACETED_BREP_SHAPE_REPRESENTATION('',({solid}),#13);
#15=SHAPE_DEFINITION_REPRESENTATION(#8,#14);
{content}
ENDSEC;
END-ISO-10303-21;
"""
    path.write_text(text)
    return path
