"""An independent reading of the formulation: the other side of every test of an objective.

Nothing here imports `placement`. Instances and solutions are plain dicts in the shape of the files
`placement-instance/1` and `placement-solution/1`; speed is given up for plainness everywhere.
"""
