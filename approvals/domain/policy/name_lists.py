"""Names people have, in the plainest letters: enough to notice one, never enough to rule one out."""

from __future__ import annotations

from approvals.domain.policy.strings import folded


def listed(names: str) -> frozenset[str]:
    """A set of words, in the plainest letters."""
    return frozenset(folded(names).split())


# Given names that are hardly ever another word, a place or a product.
GIVEN = listed(
    """
    aaron abigail abdul abdullah achim adrian adriana agnes agnieszka ahmad ahmed aisha akiko
    akira alan albert alberto alejandra alejandro aleksander aleksandra alena alessandra alessandro
    alexander alexandre alexei alexey alfred ali alice alicia alina alison alistair alvaro amanda
    amelie amit amy ana anastasia anders andrea andreas andrei andrew andrey andrzej angela angelika
    anika anil anita anja anna annabel anne annemarie annette annika antje antoine anton antonio anya
    arjun armin arnaud arne arthur arun arvid astrid axel ayesha barbara bart bartosz bastian beata
    beatrice beatriz ben benedikt benjamin benoit bernard bernd bernhard bert bertrand bettina
    bianca birgit bjorn bob bogdan boris brandon brenda brian bridget brigitte britta bruno camila camille
    carla carlo carlos carmen carolin caroline carsten catherine cecilia cecile chandra charles charlie
    chiara chloe chris christa christel christiane christina christine christof christoph christophe
    christopher cindy claire clara clarissa claudia claudio clemens colin connor corinna cornelia craig
    cristina cynthia daisuke damian daniel daniela daniele danielle daria darius david deborah deepak
    denise dennis derek detlef dieter dietmar dimitri dirk dmitri dmitry dominik dominique donald
    donna doris dorota dorothea dorothy douglas edgar edith eduardo edward edwin eileen elaine elena eleni
    elias elif elisa elisabeth elise elizabeth elke ellen elsa emil emilia emilie emily emma emmanuel
    enrico enrique eric erica erik erika ernst esther ethan eugene eva evelyn ewa fabian fabio fabrice
    farah fatima federico felicia ferdinand fernanda fernando filip fiona florian francesca francesco
    francisca francois franz frederic frederik friederike friedrich fumiko gabriel gabriela gabriele gareth
    gary
    geoffrey georg georgina gerald gerard gerd gerhard gerda gertrud giacomo gianni gilbert giovanna
    giovanni gisela giulia giuseppe gonzalo gordon gregor gregory grzegorz guido guillaume gunther
    gustav gustavo hakan haruki hannah hannelore hans harald harriet hassan heather hector heidi heike
    heiko heinrich heinz helen helga helmut hendrik henri henrietta henrik henry herbert hermann hilary
    hilda hiroshi holger howard hugo hussein ibrahim ignacio igor ilona ilse imran ines ingeborg ingo
    ingrid irena irene irina irmgard isabel isabella isabelle ismail ivan ivana jacob jacqueline
    jacques jakub james jamie jan jana jane janet janina janine jaroslav javier jeanne jeff jeffrey
    jennifer jeremy jerome jerzy jessica jill jin joachim joan joanna joao jochen joe joel joerg johan
    johann johanna johannes john johnny jonas jonathan jorg jorge josef joseph josephine joshua juan
    juana judith juergen jules julian juliane julie julien juliette jurgen justine jutta kaitlyn kamal
    kamila kareem karen karin karina karl karsten katarina katarzyna kate katharina katherine kathleen
    kathrin kathryn katja katrin kazuko keith kelly kenji kenneth kerstin kevin khalid kirsten kirstin
    klaus konrad konstantin krishna kristin kristina krystyna krzysztof kumar kurt larissa lars laszlo
    laura lauren laurent layla lea leila lena lennart leonard leonardo leonhard leonie leopold leticia
    liam linda linus
    lisa lisbeth lorenz lorenzo lothar louis louise luc luca lucas lucia lucie ludwig
    luigi luis luisa lukas luke lutz lydia lynn maciej magdalena magnus mahmoud maike maja malcolm
    malgorzata manfred manuel manuela marc marcel marcelo marcin marco marcus marek margaret margarete
    margarita margot maria marian marianne marie mariana mario marion marius marjorie markus
    marlene marta martha martin martina martine marvin mary mateo mateusz mathias mathieu mathilde matteo
    matthew matthias mattias maureen maurice mauricio maximilian megan mehmet melanie
    melissa mia michael michaela michal michel michele michelle miguel mihai mikael mikhail mila
    milena miriam mohamed mohammad mohammed moritz muhammad murat mustafa nadia nadine naomi natalia
    natalie natasha nathalie nathan neha nicholas nick nico nicola nicolas nicole niels nigel nikola nikolai
    nils nina noah noemi nora norbert norman nuria olaf oleg olga olivia olivier omar osman oskar otto
    pablo paola paolo pascale patricia patrick patrik patrizia paul paula paulina pauline pavel pawel
    pedro peter petra petros philip philipp philippe phoebe pierre piotr prakash priya rachel rafael
    ragnar raimund rainer raj rajesh ralf ralph ramon raphael rashid raul ravi raymond rebecca regina
    reiner reinhard reinhold renate renaud rene ricardo riccardo richard rita robert roberta roberto
    rodrigo roger roland rolf romain ronald rosa rosemarie rosemary rudolf ruth ryan sabine
    sabrina salma salman samantha samuel sandra sanjay sara sarah sascha sebastian selma serena sergei
    sergey sergio shannon sharon shirley sibylle siegfried sigrid silke silvia simone sinead 
    solange sonia sonja sophia sophie soren stefan stefania stefanie stefano steffen stephan stephanie
    stephen steve steven stuart sunil susan susanna susanne suzanne svein sven svenja svetlana sylvia
    sylvie takeshi tamara tania tanja tariq tatiana tatjana teresa theodor theodore theresa therese
    thierry thomas thorsten tiago tilman timothy tobias tomas tomasz torben torsten tracy ulrich ulrike
    umberto ursula uwe valentin valentina valeria valerie vanessa vera veronica veronika viktor viktoria
    vincent vincenzo viola vladimir volker waltraud walter waltraut wenche werner wiebke wilfried wilhelm
    willem william wojciech wolfgang xavier yasmin yasuko yolanda yuki yusuf yvette yvonne zainab
    zbigniew zeynep zofia zoe zsofia
    александр алексей анастасия андрей анна антон борис валентина вера виктор владимир дарья дмитрий
    евгений екатерина елена иван игорь ирина константин мария михаил наталья николай ольга павел петр
    светлана сергей татьяна юлия юрий
    tim tom jim greg larry terry kyle jerry jimmy jenny monica monika diana isaac ella karla pamela
    quentin neil marcia josh jared dylan elliot bryan ian ned roy ron leslie lois toby tina timo
    tony toni todd wendy wayne kofi ngozi chidi kwame
    barack bjarne elon freya frida greta klara niklaus
    """
)

# Given names that are words, places, months or products as well: they need a known family name.
DOUBTFUL = listed(
    """
    ada aaliyah alex alexa alexis alma amber angel angelo anthony april archer art ash athena august
    aurora austin autumn bill blake brad brook brooklyn bruce cameron carol carter casey charlotte
    chase chip christian cliff cooper crystal dale daisy dallas dan dawn dean diego don drew duke
    earl eden eve faith felix florence flora frank franklin fred frieda gene george
    georgia ginger glen gloria grace guy hank harper harrison harry hazel heath hope hunter ida
    iris ivy jackson jade jason jasmine jasper jay jean jesse jesus jo
    jon jordan jose joy joyce julia juliet june justin kai kay ken kent kerry
    kim kirk lance lane lara lee leo leon lewis lia lily lincoln logan lola lou
    lucien luna madison margo mark marshall mason matt max may mercedes mercy mike miles
    milo miranda mitchell molly morgan nelson norm odin olive oliver
    olympia oscar owen parker pascal pat patience paris pearl penny perry pete phil phoenix piper
    quinn ray reed rex rob robin rod rory rose ross ruby russell sage sally sam sandy
    santiago savannah scott sean sierra sidney sky spencer stan stella sterling sue summer sydney taylor
    ted theo travis trinity troy tyler val victor victoria
    violet virginia wade warren will willow xander zach
    roman milan marina sofia adam adele jack lucy simon wei li
    """
)

# Family names that are hardly ever another word.
FAMILY = listed(
    """
    abdullah abe adams ahmed alexander allen almeida alvarez andersen anderson andersson ando armstrong
    arslan bauer baumann becker beethoven bergmann bernard bianchi bjork bonnet brandt brooks brunner
    bryant bukowski butler campbell carvalho castillo castro celik chandra chang chatterjee chaudhary
    chavez chen christensen cohen collins contreras cooper costa cox cruz curie davies davis delgado
    demir diaz dickens dijkstra dominguez doyle dubois dupont duran edwards eriksen eriksson esposito
    evans fernandes fernandez ferrari ferreira fischer fitzgerald fleming fontaine foster fournier franke
    friedrich fujimoto fujita garcia garnier gauthier gomez gonzales gonzalez graham griffin griffith
    grossmann gruber guerrero gupta gutierrez haas hahn hamilton hansen harris hartmann hashimoto
    hashemi hawking hayashi heinrich henderson hernandez herrera hofer hoffman hoffmann hofmann hopper
    hosseini hughes huber ibrahim inoue ito ivanov ivanova iyer jacobs jansen janssen jensen jimenez
    johansen johansson johnson jones jung kaiser kaminski kaur keller kelly kennedy khan kimura klein
    knuth kobayashi koch kowalska kowalski kovac kovacs kramer kraus krause kruger krueger kuhn kumar
    lambert larsen larsson laurent lefebvre lehmann leroy lewandowski lindberg liskov lopez lorenz
    lovelace ludwig maier malik marchand martin martinez mayer mccarthy mcdonald mcgregor mehta meier
    mendes mendez mendoza mercier merkel meyer miller mishra mitchell moreau morales moreno moretti morin
    morris muller mueller munoz murphy murray nakamura navarro nguyen nielsen nilsson novak nowak
    nunez obrien oconnor ochoa ogawa okafor okada oliveira olsen olsson ono ortega ortiz otto ozturk
    papadopoulos park parker pavlov pedersen pereira perez peters petersen peterson petrov petrova
    petrovic pham phillips popov popova powell ramirez ramos rao rasmussen rautio reddy ricci richter
    riley rivera roberts robertson robinson rodrigues rodriguez rogers rojas romano romero rossi roth
    rousseau ruiz russo ryan saito sanchez sanders sato sauer schafer schaefer scherer schmid schmidt
    schmitt schmitz schneider scholz schreiber schroder schroeder schubert schulte schultz schulz
    schumacher schuster schwarz seidel sharma shah shimizu silva simmons simon singh smirnov smith
    soares sokolov sorensen soto souza stewart strauss sullivan suzuki svensson szabo takahashi tanaka
    thomas thompson torres toth tran turing turner vargas vasquez vazquez vega verma vogel volkov wagner
    walker wallace walter wang watanabe watson weber weiss werner wieczorek williams williamson wilson
    winkler wisniewski wojcik wolff wozniak wright yamada yamamoto yamaguchi yilmaz yoshida young zhang
    zhao zimmermann иванов иванова петров петрова сидоров смирнов смирнова кузнецов кузнецова
    annan baker bronte cook king lee patel picard popescu tolkien vogt wei
    jobs parks woolf
    """
)

# Capitalised words that follow a given name without being a family name.
NOT_FAMILY = listed(
    """
    account admin advisor agent airport alarm alert algorithm alpha api app application approved april
    archive area army array asset august authority avenue backend bank base bay beach benchmark beta bot
    branch bridge bucket budget bug build bus cache campus canary cdn center central centre certificate
    channel chart city client cloud cluster code collection college commit company conference config
    configuration connect connector console container contract controller corp corporation count county
    court creek cron customer daemon dashboard data database dataset day december default demo denied
    department deploy deployment desk dev development device diagram disk district division dns docker
    document domain download drive east edge edition edge email endpoint engine engineer engineering
    enterprise environment error event exchange export expert failover falls farm feature february
    feed field file filter firewall fix flag flow folder forest form format foundation framework friday
    frontend function fund gateway gitlab github gmbh grafana graph grid group guide hall harbor hash
    header heights helm highway hill hospital host hotel house http https hub hypothesis image import inc
    incident index ingress input instance institute integration interface international internet island
    issue january jenkins job journal july june kafka kernel key king kubernetes lab laboratory label
    lake lambda lane language latency launch law layer lead lemma library license limit limited linux list
    listener llc loader log logs ltd machine mail manager map march market master matrix may meeting
    memory menu merge message method metric metrics migration mirror missing mobile mode model module
    monday monitor monitoring mountain museum namespace network node north notes november number object
    october office officer online operations operator orchestrator order org output package page palace
    panel park parser partition patch path payment performance period phase pipeline plan platform player
    plaza plugin pod podcast point policy pool port portal postgres prize process processor prod product
    production profile program programming project prometheus protocol proxy publisher python query queue
    quota range rate reader redis region registry release replica report repository request reset
    resource response restart review river road role rollback rollout room root router rule run runner
    saturday scale scan schedule scheduler schema school script search secret secrets security
    september sequence server servers service services session settings share shop site skill slack
    snapshot software source south space spec sprint square staging stage standard standards star state
    station status storage store story stream street string studio studios suite sunday support switch
    sync system systems table tag target task team technologies template tenant terminal terraform test
    testing tests theorem thursday ticket time timeout timer token tool tools tower town trace track trust
    tuesday tunnel type unit university update upgrade upload url usage user users valley value vault
    vendor version video view villa village virtual volume wallet warning warehouse watch wave web
    website wednesday week west wiki wing winter woods worker workflow workspace world writer yaml year
    zone zoo
    and are asks at deploys does for from has in is needs of on or retry says sends simulation the
    to virus wants was will with
    """
)
