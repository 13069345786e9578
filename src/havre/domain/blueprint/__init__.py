"""What ``havre init`` proposes for a repository: from facts to a manifest and Dockerfiles, without I/O.

:mod:`facts` is what was read. Each kind of application has a module that finds its components
(:mod:`node`, :mod:`python`, :mod:`sites`, :mod:`dockerfiles`); :mod:`decide` joins them with databases,
variables, domains and environments into a :class:`proposal.Proposal`; :mod:`manifest_text` writes that.
"""
