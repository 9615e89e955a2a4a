"""SQL files -> a C table of strings: embed.py OUT.h 0001.sql 0002.sql ..."""
import sys

out, files = sys.argv[1], sorted(sys.argv[2:])
with open(out, "w", encoding="utf-8") as c:
    c.write("const char *const nc_migrations[] = {\n")
    for name in files:
        with open(name, encoding="utf-8") as sql:
            for line in sql:
                text = line.rstrip("\n").replace("\\", "\\\\").replace('"', '\\"')
                c.write('    "%s\\n"\n' % text)
        c.write("    ,\n")
    c.write("};\nconst unsigned nc_migrations_n = %d;\n" % len(files))
